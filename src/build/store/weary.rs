//! A shared place that is no longer asked once it has failed several times in a row: each try costs a wait, and a build has many
//! packages. Then it has nothing and keeps nothing.

use super::{Store, StoreError};
use crate::base::digest::Digest;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many failures without a success between them are enough.
const ENOUGH: usize = 3;

/// Asks another store, until that has failed too often.
pub struct Weary {
    store: Box<dyn Store>,
    failures: AtomicUsize,
}

impl Weary {
    /// Takes the store to ask.
    pub fn new(store: Box<dyn Store>) -> Self {
        Self { store, failures: AtomicUsize::new(0) }
    }

    fn is_enough(&self) -> bool {
        self.failures.load(Ordering::SeqCst) >= ENOUGH
    }

    fn count<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            // What was under way when it became enough changes nothing.
            Ok(_) if self.is_enough() => {}
            Ok(_) => self.failures.store(0, Ordering::SeqCst),
            Err(_) => drop(self.failures.fetch_add(1, Ordering::SeqCst)),
        }
        result
    }
}

impl Store for Weary {
    fn has(&self, key: Digest) -> Result<bool, StoreError> {
        if self.is_enough() { Ok(false) } else { self.count(self.store.has(key)) }
    }

    fn get(&self, key: Digest, into: &Path) -> Result<bool, StoreError> {
        if self.is_enough() { Ok(false) } else { self.count(self.store.get(key, into)) }
    }

    fn put(&self, key: Digest, from: &Path) -> Result<(), StoreError> {
        if self.is_enough() { Ok(()) } else { self.count(self.store.put(key, from)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Fails as often as it is told to, and counts.
    struct Failing(Arc<AtomicUsize>, usize);

    impl Store for Failing {
        fn has(&self, _: Digest) -> Result<bool, StoreError> {
            if self.0.fetch_add(1, Ordering::SeqCst) % 4 < self.1 {
                let (doing, place, source) = ("look for", "there".to_owned(), "no".into());
                return Err(StoreError { doing, place, source });
            }
            Ok(true)
        }
        fn get(&self, key: Digest, _: &Path) -> Result<bool, StoreError> {
            self.has(key)
        }
        fn put(&self, key: Digest, _: &Path) -> Result<(), StoreError> {
            self.has(key).map(drop)
        }
    }

    #[test]
    fn three_failures_in_a_row_are_enough_and_two_are_not() {
        let key = Digest::of(b"");
        for (failures, wanted) in [(3, 3), (2, 12)] {
            let asked = Arc::default();
            let store = Weary::new(Box::new(Failing(Arc::clone(&asked), failures)));
            for _ in 0..4 {
                let _ = (store.has(key), store.get(key, Path::new("/")), store.put(key, Path::new("/")));
            }
            assert_eq!(asked.load(Ordering::SeqCst), wanted, "{failures}");
            assert_eq!(store.has(key).unwrap_or(false), failures == 2 && wanted % 4 >= 2);
        }
    }
}
