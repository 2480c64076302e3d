//! One lock per key: work on the same layer, blob or shim is done once and in order, work on
//! different ones side by side. A key costs nothing once nobody holds it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks by name.
#[derive(Default)]
pub(crate) struct KeyedLocks {
    held: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

impl KeyedLocks {
    /// Waits until nobody else holds `key`, and holds it until the guard is dropped.
    pub(crate) async fn lock(&self, key: &str) -> OwnedMutexGuard<()> {
        self.entry(key).lock_owned().await
    }

    fn entry(&self, key: &str) -> Arc<AsyncMutex<()>> {
        let mut held = self.held.lock().expect("no holder of this lock panics");
        if let Some(lock) = held.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        held.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(AsyncMutex::new(()));
        held.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_exclusive_and_forgotten() {
        let locks = KeyedLocks::default();
        let first = locks.lock("a").await;
        assert!(locks.entry("a").try_lock().is_err());
        assert!(locks.entry("b").try_lock().is_ok());
        drop(first);
        let _second = locks.lock("a").await;
        let _other = locks.lock("c").await;
        assert_eq!(locks.held.lock().unwrap().len(), 2, "b is forgotten");
    }
}
