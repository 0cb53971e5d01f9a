//! A shared cache that must not be believed: it forgets, serves what was there before, swaps values, and rolls back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::link::digest;
use super::{Dice, Roll};
use crate::sim::SimClock;
use session_core::cache::{SharedCache, SharedError};
use session_core::clock::{Boot, Clock};
use session_core::sid::SessionKey;
use session_core::store::TimedOut;

/// How long a command is waited for.
const LIMIT: Duration = Duration::from_millis(50);

/// How one node's way to the shared cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedWeather {
    /// Fast and truthful.
    #[default]
    Fair,
    /// Slow, failing and lying at times.
    Rough,
    /// Not there.
    Down,
}

type Values = BTreeMap<SessionKey, (Vec<u8>, Boot)>;

/// The cache itself. It keeps everything that was ever put.
#[derive(Debug)]
pub struct SimShared {
    clock: Arc<SimClock>,
    state: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    values: Values,
    snapshot: Values,
    attic: BTreeMap<SessionKey, Vec<Vec<u8>>>,
}

impl SimShared {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Arc<SimClock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
        })
    }

    /// Remembers everything as it is.
    pub fn save(&self) {
        let mut shelf = self.state.lock();
        shelf.snapshot = shelf.values.clone();
    }

    /// Everything is again as it was at the last [`SimShared::save`], and lives on.
    pub fn roll_back(&self) {
        let until = self.clock.boot().plus(Duration::from_secs(1_800));
        let mut shelf = self.state.lock();
        shelf.values = shelf.snapshot.clone();
        shelf.values.values_mut().for_each(|(_, end)| *end = until);
    }

    /// Everything is gone.
    pub fn flush(&self) {
        self.state.lock().values.clear();
    }

    fn get(&self, key: &SessionKey) -> Option<Vec<u8>> {
        let now = self.clock.boot();
        let shelf = self.state.lock();
        let found = shelf.values.get(key).filter(|(_, end)| now < *end);
        found.map(|(value, _)| value.clone())
    }

    /// Any value that was ever put for `key`.
    fn resurrect(&self, key: &SessionKey, roll: &mut Roll) -> Option<Vec<u8>> {
        let shelf = self.state.lock();
        shelf.attic.get(key).and_then(|old| roll.pick(old).cloned())
    }

    /// The value of another key.
    fn swap(&self, key: &SessionKey) -> Option<Vec<u8>> {
        let shelf = self.state.lock();
        let mut others = shelf.values.iter().filter(|(other, _)| *other != key);
        others.next().map(|(_, (value, _))| value.clone())
    }

    fn put(&self, key: &SessionKey, value: Vec<u8>, ttl: Duration) {
        let end = self.clock.boot().plus(ttl);
        let mut shelf = self.state.lock();
        shelf.attic.entry(*key).or_default().push(value.clone());
        shelf.values.insert(*key, (value, end));
    }
}

/// How often each call was made for each key.
type Asked = BTreeMap<(u64, u64), u64>;

/// One node's way to a [`SimShared`].
#[derive(Debug)]
pub struct SimSharedLink {
    cache: Arc<SimShared>,
    dice: Dice,
    name: u64,
    state: Mutex<(SharedWeather, Asked)>,
}

impl SimSharedLink {
    /// A way to `cache`, whose faults follow from `dice` and `name`.
    #[must_use]
    pub fn new(cache: Arc<SimShared>, dice: Dice, name: u64) -> Arc<Self> {
        Arc::new(Self {
            cache,
            dice,
            name,
            state: Mutex::default(),
        })
    }

    /// Sets the weather from now on.
    pub fn set(&self, weather: SharedWeather) {
        self.state.lock().0 = weather;
    }

    /// Sets out: how the call will go, or how it failed.
    async fn depart(
        &self,
        kind: u64,
        key: &SessionKey,
    ) -> Result<(SharedWeather, Roll), SharedError> {
        let about = digest(key);
        let (weather, times) = {
            let (weather, asked) = &mut *self.state.lock();
            let times = asked.entry((kind, about)).or_default();
            *times += 1;
            (*weather, *times)
        };
        let mut roll = self.dice.roll(&[self.name, kind + 100, about, times]);
        match weather {
            SharedWeather::Fair => {}
            SharedWeather::Rough if roll.chance(15) => {
                sleep(LIMIT).await;
                return Err(SharedError::Timeout(TimedOut::after(LIMIT)));
            }
            SharedWeather::Rough => sleep(roll.millis(50)).await,
            SharedWeather::Down => {
                return Err(SharedError::Unavailable(
                    "switched off by the test".to_owned(),
                ));
            }
        }
        Ok((weather, roll))
    }
}

#[async_trait]
impl SharedCache for SimSharedLink {
    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SharedError> {
        let (weather, mut roll) = self.depart(0, key).await?;
        let honest = self.cache.get(key);
        if weather == SharedWeather::Fair {
            return Ok(honest);
        }
        Ok(match roll.below(10) {
            0..4 => self.cache.resurrect(key, &mut roll),
            4 => self.cache.swap(key),
            5 => Some(vec![1; 90]),
            6 => None,
            _ => honest,
        })
    }

    async fn put(
        &self,
        key: &SessionKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<(), SharedError> {
        let (weather, mut roll) = self.depart(1, key).await?;
        let rough = weather == SharedWeather::Rough;
        if !(rough && roll.chance(20)) {
            self.cache.put(key, value, ttl);
        }
        // Stored, and the answer lost.
        if rough && roll.chance(10) {
            return Err(SharedError::Timeout(TimedOut::after(LIMIT)));
        }
        Ok(())
    }

    async fn unlink(&self, key: &SessionKey) -> Result<(), SharedError> {
        let (weather, mut roll) = self.depart(2, key).await?;
        if weather == SharedWeather::Fair || roll.chance(50) {
            self.cache.state.lock().values.remove(key);
        }
        Ok(())
    }
}
