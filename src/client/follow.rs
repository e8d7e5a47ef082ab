//! From what was trusted last to what is trusted now, kept on the disk before anything is made of it.

use super::error::ClientError;
use super::root_key::RootKey;
use super::trust::Trust;
use crate::objects::Objects;
use crate::tuf::{Freshness, Kept, Moment, Refused, Trusted, Why, follow};

/// How a repository is followed.
pub struct Follow<'a> {
    /// What is trusted, and where it is kept.
    pub trust: &'a Trust,
    /// How trust begins, the first time.
    pub root_key: Option<&'a RootKey>,
    /// The time now.
    pub now: Moment,
    /// Whether the metadata must be fresh.
    pub freshness: Freshness,
    /// Whether what is trusted now is kept.
    pub keeps: bool,
    /// Is told what is wrong and was let pass.
    pub warn: &'a dyn Fn(String),
}

impl Follow<'_> {
    /// Follows it; the next run begins where this one ended, also where it ends with an error.
    pub fn follow(&self, objects: &dyn Objects) -> Result<Trusted, ClientError> {
        let is_first = matches!(self.trust.read(), Ok(None));
        let before = self.before(objects)?;
        let done = match self.ask(objects, &before) {
            // Nothing was remembered: it is what the user brought.
            Err(ClientError::Trust(Why::Memory { why, .. })) if is_first => Err(ClientError::RootKey(*why)),
            Err(ClientError::Trust(why @ Why::Memory { .. })) => self.instead(objects, &before, why),
            done => done,
        };
        let trusted = done?;
        self.keep(trusted.kept())?;
        for warning in trusted.warnings() {
            (self.warn)(warning.to_string());
        }
        Ok(trusted)
    }

    fn before(&self, objects: &dyn Objects) -> Result<Kept, ClientError> {
        match self.trust.read() {
            Ok(Some(kept)) => Ok(kept),
            Ok(None) => self.root_key.ok_or(ClientError::NoRootKey)?.begin(objects),
            Err(damaged) => {
                let shadow = self.trust.shadow();
                let kept = shadow.ok_or_else(|| ClientError::Damaged(damaged.clone()))?;
                (self.warn)(format!("{damaged}; what was trusted before that is used"));
                Ok(kept)
            }
        }
    }

    fn ask(&self, objects: &dyn Objects, before: &Kept) -> Result<Trusted, ClientError> {
        follow(objects, before, self.now, self.freshness).map_err(|Refused { why, keep }| {
            // What is good of it is remembered: nothing older may come the next time. Why it was refused is what to hear of.
            if let Some(kept) = keep {
                let _ = self.keep(&kept);
            }
            ClientError::Trust(why)
        })
    }

    /// Takes what was trusted before, where what is trusted now does not hold.
    fn instead(&self, objects: &dyn Objects, now: &Kept, why: Why) -> Result<Trusted, ClientError> {
        match self.trust.shadow().filter(|shadow| shadow != now) {
            Some(shadow) => {
                (self.warn)(format!("{why}; what was trusted before that is used"));
                self.ask(objects, &shadow)
            }
            None => Err(ClientError::Trust(why)),
        }
    }

    fn keep(&self, kept: &Kept) -> Result<(), ClientError> {
        if self.keeps { Ok(self.trust.keep(kept)?) } else { Ok(()) }
    }
}
