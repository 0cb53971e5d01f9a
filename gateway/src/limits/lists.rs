//! Lists of devices that are being read: one at a time for each session, a few for each user.
//!
//! A list is the most expensive query of a session, so the store serves only a few lists at a time. This limit keeps
//! one user from taking all of those turns.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use session_core::session::Text;
use session_core::sid::SessionKey;

/// Most lists of one user at a time, over all sessions.
const PER_USER: usize = 4;

/// The lists being read. No more than requests are in progress, at the length of a user's id and 32 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Lists(Mutex<HashMap<Text, Vec<SessionKey>>>);

impl Lists {
    /// A turn for the session of `key`; `None` when it, or its user, has to wait.
    pub(crate) fn enter(self: &Arc<Self>, user: &str, key: SessionKey) -> Option<Turn> {
        let user = Text::from(user);
        let mut lists = self.0.lock();
        let own = lists.entry(user.clone()).or_default();
        if own.len() >= PER_USER || own.contains(&key) {
            return None;
        }
        own.push(key);
        Some(Turn {
            lists: Arc::clone(self),
            user,
            key,
        })
    }
}

/// The turn of one list; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    lists: Arc<Lists>,
    user: Text,
    key: SessionKey,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut lists = self.lists.0.lock();
        if let Some(own) = lists.get_mut(&self.user) {
            own.retain(|key| *key != self.key);
            if own.is_empty() {
                lists.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_one_turn_and_a_user_a_few() {
        let lists = Arc::<Lists>::default();
        let key = |n| SessionKey::from_bytes([n; 32]);
        let first = lists.enter("alice", key(1)).unwrap();
        assert!(lists.enter("alice", key(1)).is_none(), "the same session");
        let more: Vec<_> = (2..5)
            .map(|n| lists.enter("alice", key(n)).unwrap())
            .collect();
        assert!(lists.enter("alice", key(9)).is_none(), "the same user");
        assert!(lists.enter("bob", key(10)).is_some(), "somebody else");
        drop(first);
        let again = lists.enter("alice", key(1)).unwrap();
        drop((again, more));
        assert!(lists.0.lock().is_empty(), "nothing is left behind");
    }
}
