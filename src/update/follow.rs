//! From what was trusted last to what is trusted now, kept on the disk before anything is made of it.

use super::error::UpdateError;
use super::root_key::RootKey;
use super::trust::Trust;
use crate::objects::Objects;
use crate::tuf::{Freshness, Kept, Moment, Refused, Trusted, Why, follow};

/// How a repository is followed.
pub(super) struct Follow<'a> {
    pub(super) trust: &'a Trust,
    pub(super) root_key: Option<&'a RootKey>,
    pub(super) now: Moment,
    pub(super) freshness: Freshness,
    /// Whether what is trusted now is kept.
    pub(super) keeps: bool,
    pub(super) warn: &'a dyn Fn(String),
}

impl Follow<'_> {
    /// Follows it; the next run begins where this one ended, also where it ends with an error.
    pub(super) fn follow(&self, objects: &dyn Objects) -> Result<Trusted, UpdateError> {
        let is_first = matches!(self.trust.read(), Ok(None));
        let before = self.before(objects)?;
        let done = match self.ask(objects, &before) {
            // Nothing was remembered: it is what the user brought.
            Err(UpdateError::Trust(Why::Memory { why, .. })) if is_first => Err(UpdateError::RootKey(*why)),
            Err(UpdateError::Trust(why @ Why::Memory { .. })) => self.instead(objects, &before, why),
            done => done,
        };
        let trusted = done?;
        self.keep(trusted.kept())?;
        for warning in trusted.warnings() {
            (self.warn)(warning.to_string());
        }
        Ok(trusted)
    }

    fn before(&self, objects: &dyn Objects) -> Result<Kept, UpdateError> {
        match self.trust.read() {
            Ok(Some(kept)) => Ok(kept),
            Ok(None) => self.root_key.ok_or(UpdateError::NoRootKey)?.begin(objects),
            Err(damaged) => {
                let shadow = self.trust.shadow();
                let kept = shadow.ok_or_else(|| UpdateError::Damaged(damaged.clone()))?;
                (self.warn)(format!("{damaged}; what was trusted before that is used"));
                Ok(kept)
            }
        }
    }

    fn ask(&self, objects: &dyn Objects, before: &Kept) -> Result<Trusted, UpdateError> {
        follow(objects, before, self.now, self.freshness).map_err(|Refused { why, keep }| {
            // What is good of it is remembered: nothing older may come the next time. Why it was refused is what to hear of.
            if let Some(kept) = keep {
                let _ = self.keep(&kept);
            }
            UpdateError::Trust(why)
        })
    }

    /// Takes what was trusted before, where what is trusted now does not hold.
    fn instead(&self, objects: &dyn Objects, now: &Kept, why: Why) -> Result<Trusted, UpdateError> {
        match self.trust.shadow().filter(|shadow| shadow != now) {
            Some(shadow) => {
                (self.warn)(format!("{why}; what was trusted before that is used"));
                self.ask(objects, &shadow)
            }
            None => Err(UpdateError::Trust(why)),
        }
    }

    fn keep(&self, kept: &Kept) -> Result<(), UpdateError> {
        if self.keeps { Ok(self.trust.keep(kept)?) } else { Ok(()) }
    }
}
