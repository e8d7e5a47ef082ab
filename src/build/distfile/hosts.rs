//! How many files come from one server at once, and which servers are not worth asking again.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What is known of servers during one fetch.
#[derive(Debug)]
pub(super) struct Hosts {
    most: usize,
    known: Mutex<BTreeMap<String, Host>>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Host {
    busy: usize,
    /// Why it could not be reached, after every try.
    gone: Option<String>,
}

impl Hosts {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), known: Mutex::default(), freed: Condvar::new() }
    }

    /// Whether a server has room for one more.
    pub(super) fn has_room(&self, host: &str) -> bool {
        self.known().get(host).is_none_or(|host| host.busy < self.most)
    }

    /// Why a server is not worth asking; none where it is.
    pub(super) fn gone(&self, host: &str) -> Option<String> {
        self.known().get(host)?.gone.clone()
    }

    /// Remembers that a server cannot be reached.
    pub(super) fn give_up(&self, host: &str, reason: &str) {
        self.known().entry(host.to_owned()).or_default().gone = Some(reason.to_owned());
    }

    /// Waits until a server has room; it has less until the turn is dropped.
    pub(super) fn turn(&self, host: &str) -> Turn<'_> {
        let mut known = self.known();
        while known.entry(host.to_owned()).or_default().busy >= self.most {
            known = self.freed.wait(known).unwrap_or_else(PoisonError::into_inner);
        }
        known.entry(host.to_owned()).or_default().busy += 1;
        Turn { hosts: self, host: host.to_owned() }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Host>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place at a server.
pub(super) struct Turn<'a> {
    hosts: &'a Hosts,
    host: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(host) = self.hosts.known().get_mut(&self.host) {
            host.busy = host.busy.saturating_sub(1);
        }
        self.hosts.freed.notify_all();
    }
}
