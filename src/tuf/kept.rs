//! What a client remembers from one run to the next, as the bytes that came.

use super::moment::Moment;

/// The trusted metadata of a repository. Whoever stores it must do so as a whole: older parts beside newer ones may be refused,
/// and a lost timestamp or snapshot is a lost memory of what may not come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The newest root that was followed to.
    pub root: Vec<u8>,
    /// The newest timestamp.
    pub timestamp: Option<Vec<u8>>,
    /// The newest snapshot; an older one than the timestamp names where that never came.
    pub snapshot: Option<Vec<u8>>,
    /// The targets that belong to a snapshot; a copy that saves asking for them.
    pub targets: Option<Vec<u8>>,
    /// What tells that state of the timestamp from others, as the storage had it.
    pub state: Option<String>,
    /// When the repository was last found good.
    pub checked: Option<Moment>,
}

impl Kept {
    /// Begins with a root that somebody was given by a way they trust.
    pub fn begin(root: Vec<u8>) -> Self {
        Self { root, timestamp: None, snapshot: None, targets: None, state: None, checked: None }
    }

    /// Forgets the timestamp and the snapshot, so that a repository whose keys were stolen, and which was made to look newer than
    /// it is, can be followed again (specification, 5.3.11). The targets stay: they are only a copy of what a snapshot names.
    pub(super) fn forget_online(&mut self) {
        (self.timestamp, self.snapshot, self.state) = (None, None, None);
    }
}
