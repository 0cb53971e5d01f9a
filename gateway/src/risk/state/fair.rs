//! A bounded queue that is fair between owners: one who sends much delays only their own entries.
//!
//! Each entry names its owner, and owners take turns. A full queue drops an entry of the owner with the most entries.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A queue of `V` in which the owners `O` take turns.
pub(in crate::risk) struct Fair<O, V> {
    limits: Limits,
    waiting: Mutex<Waiting<O, V>>,
    arrived: Notify,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(in crate::risk) struct Limits {
    /// Of everybody.
    pub(in crate::risk) all: usize,
    /// Of one owner.
    pub(in crate::risk) of_one: usize,
}

struct Waiting<O, V> {
    by_owner: HashMap<O, VecDeque<V>>,
    /// Owners with something waiting, each once, in the order of their turns.
    turns: VecDeque<O>,
    len: usize,
}

/// What became of the queue when something was put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::risk) enum Put<V> {
    /// It waits.
    Waits,
    /// It waits in place of one that says the same.
    Merged,
    /// It waits, and this entry was dropped for it.
    Displaced(V),
    /// It does not wait.
    Refused,
}

impl<O: Hash + Eq + Clone, V> Fair<O, V> {
    /// Creates it empty.
    pub(in crate::risk) fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: Mutex::new(Waiting {
                by_owner: HashMap::new(),
                turns: VecDeque::new(),
                len: 0,
            }),
            arrived: Notify::new(),
        }
    }

    /// Puts `value` in without waiting. It replaces an entry of the same owner that is the `same`, or the last entry of
    /// an owner who has no more places.
    pub(in crate::risk) fn put(&self, owner: O, value: V, same: impl Fn(&V, &V) -> bool) -> Put<V> {
        let put = self.waiting.lock().put(self.limits, owner, value, same);
        if !matches!(put, Put::Refused) {
            self.arrived.notify_one();
        }
        put
    }

    /// The next entry; waits until there is one. Cancel-safe.
    pub(in crate::risk) async fn next(&self) -> V {
        loop {
            if let Some(value) = self.try_next() {
                return value;
            }
            self.arrived.notified().await;
        }
    }

    /// The next one, if there is one.
    pub(in crate::risk) fn try_next(&self) -> Option<V> {
        self.waiting.lock().take()
    }
}

impl<O: Hash + Eq + Clone, V> Waiting<O, V> {
    fn put(&mut self, limits: Limits, owner: O, value: V, same: impl Fn(&V, &V) -> bool) -> Put<V> {
        let own = self.by_owner.get_mut(&owner);
        let own_len = own.as_ref().map_or(0, |own| own.len());
        if let Some(own) = own {
            if let Some(old) = own.iter_mut().find(|old| same(old, &value)) {
                *old = value;
                return Put::Merged;
            }
            if own_len >= limits.of_one
                && let Some(last) = own.back_mut()
            {
                return Put::Displaced(std::mem::replace(last, value));
            }
        }
        let mut displaced = None;
        if self.len >= limits.all {
            displaced = self.make_room(own_len);
            if displaced.is_none() {
                return Put::Refused;
            }
        }
        if own_len == 0 {
            self.turns.push_back(owner.clone());
        }
        self.by_owner.entry(owner).or_default().push_back(value);
        self.len += 1;
        displaced.map_or(Put::Waits, Put::Displaced)
    }

    /// Drops the last entry of the owner with the most. `None`: the newcomer would then have as many as the others, so
    /// it is refused.
    fn make_room(&mut self, own_len: usize) -> Option<V> {
        let most = self
            .by_owner
            .values_mut()
            .max_by_key(|waiting| waiting.len());
        let last = most.filter(|most| most.len() > own_len + 1)?.pop_back()?;
        self.len -= 1;
        Some(last)
    }

    fn take(&mut self) -> Option<V> {
        let owner = self.turns.pop_front()?;
        let own = self.by_owner.get_mut(&owner)?;
        let value = own.pop_front();
        self.len -= usize::from(value.is_some());
        if own.is_empty() {
            self.by_owner.remove(&owner);
        } else {
            self.turns.push_back(owner);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: fn(&u32, &u32) -> bool = |_, _| false;

    fn queue(all: usize, of_one: usize) -> Fair<&'static str, u32> {
        Fair::new(Limits { all, of_one })
    }

    fn drain(queue: &Fair<&'static str, u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.try_next()).collect()
    }

    #[test]
    fn owners_take_turns() {
        let queue = queue(100, 100);
        for n in 0..50 {
            queue.put("noisy", n, NEVER);
        }
        queue.put("quiet", 900, NEVER);
        queue.put("quiet", 901, NEVER);
        let order = drain(&queue);
        assert_eq!(order.get(..5), Some(&[0, 900, 1, 901, 2][..]));
        assert_eq!(order.len(), 52);
        assert_eq!(queue.try_next(), None);
    }

    #[test]
    fn a_full_queue_makes_room_at_the_noisiest() {
        let queue = queue(4, 4);
        for n in 0..4 {
            assert_eq!(queue.put("noisy", n, NEVER), Put::Waits);
        }
        assert_eq!(queue.put("noisy", 4, NEVER), Put::Displaced(3), "its own");
        assert_eq!(queue.put("quiet", 900, NEVER), Put::Displaced(4));
        assert_eq!(queue.put("quiet", 901, NEVER), Put::Displaced(2));
        assert_eq!(
            queue.put("quiet", 902, NEVER),
            Put::Refused,
            "no more than noisy"
        );
        assert_eq!(drain(&queue), [0, 900, 1, 901]);
    }

    #[test]
    fn an_owner_without_places_keeps_the_oldest_and_the_newest() {
        let queue = queue(100, 3);
        for n in 0..10 {
            queue.put("noisy", n, NEVER);
        }
        assert_eq!(drain(&queue), [0, 1, 9]);
    }

    #[test]
    fn what_says_the_same_waits_once() {
        let queue = queue(100, 100);
        let same_tens = |a: &u32, b: &u32| a / 10 == b / 10;
        assert_eq!(queue.put("noisy", 11, same_tens), Put::Waits);
        assert_eq!(queue.put("noisy", 25, same_tens), Put::Waits);
        assert_eq!(queue.put("noisy", 12, same_tens), Put::Merged);
        assert_eq!(
            queue.put("quiet", 13, same_tens),
            Put::Waits,
            "another owner"
        );
        assert_eq!(drain(&queue), [12, 13, 25]);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let queue = queue(10, 10);
        let taking = async { queue.next().await + queue.next().await };
        let putting = async {
            tokio::task::yield_now().await;
            queue.put("a", 1, NEVER);
            queue.put("b", 2, NEVER);
        };
        let (sum, ()) = tokio::join!(taking, putting);
        assert_eq!(sum, 3);
    }
}
