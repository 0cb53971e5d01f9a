//! How a miss is resolved: reads the shared cache, then the store, and installs the value if the window accepts it
//! (DESIGN 4, R5, R6).

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::{debug, info, warn};

use super::breaker::Breaker;
use super::sealed::{Sealer, Value};
use super::texts::Texts;
use super::{Entry, Local, SharedCache, SharedError};
use crate::asked::{self, Of};
use crate::clock::{Boot, Timestamp, millis};
use crate::complaints::Complaints;
use crate::entropy::{self, SharedEntropy};
use crate::freshness::{Node, Standing};
use crate::hint::Hint;
use crate::keys::Keyring;
use crate::session::{Dead, Owner, Session};
use crate::sid::SessionKey;
use crate::stats::SharedReject;
use crate::store::{Snapshot, StoreError};

/// How often a read is repeated when an event overtook it.
const REREADS_MAX: usize = 2;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Tier {
    /// In process.
    Local,
    /// Redis.
    Shared,
    /// SQL.
    Store,
    /// Nothing was asked: the sid is not one of ours.
    Seal,
}

impl Tier {
    /// Metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a read found.
#[derive(Clone, Debug)]
pub enum Fill {
    /// A live session, installed.
    Active(Arc<Entry>, Tier),
    /// The store knows no such live session; `None`: no such row at all.
    Absent(Option<Dead>),
    /// The state is unknown.
    Failed(FillError),
}

/// What is left to do when an answer is there: the value goes to the shared cache.
#[derive(Debug)]
pub(crate) struct Rest {
    key: SessionKey,
    sealed: Vec<u8>,
    life: Duration,
}

/// Why the state is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillError {
    /// The store failed; see [`StoreError::kind`].
    Store(&'static str),
    /// Events kept overtaking the read.
    Overtaken,
}

/// Settings of the tiers.
#[derive(Clone, Copy, Debug)]
pub struct TiersOptions {
    /// Longest life of a value in process.
    pub local_ttl: Duration,
    /// Longest life of a value in the shared cache.
    pub shared_ttl: Duration,
}

/// The tiers behind the local one.
#[derive(Debug)]
pub struct Tiers {
    pub(crate) node: Arc<Node>,
    pub(crate) shared: Option<Arc<dyn SharedCache>>,
    pub(crate) breaker: Breaker,
    pub(crate) complaints: Complaints,
    /// What is said about a shared cache that takes no new values.
    pub(crate) refusals: Complaints,
    pub(crate) sealer: ArcSwap<Sealer>,
    pub(crate) local: Arc<Local>,
    pub(crate) texts: Texts,
    pub(crate) entropy: SharedEntropy,
    pub(crate) options: TiersOptions,
}

impl Tiers {
    pub(crate) fn sealer(keys: &Keyring) -> Arc<Sealer> {
        Arc::new(Sealer::new(keys))
    }

    /// Seals and opens with these keys from now on.
    pub(crate) fn use_keys(&self, keys: &Keyring) {
        self.sealer.store(Self::sealer(keys));
    }

    /// Reads `key`. With `confirm` only the store is asked: the session seems idle here, but another node may have seen
    /// a use. The answer does not wait for the shared cache to take the value: that is the rest.
    pub(crate) async fn fill(&self, key: SessionKey, confirm: bool) -> (Fill, Option<Rest>) {
        if !confirm && let Some(entry) = self.read_shared(&key).await {
            return (Fill::Active(entry, Tier::Shared), None);
        }
        for _ in 0..=REREADS_MAX {
            self.node.stats.store_loads.add();
            let load = self.node.store.load(&key);
            let clock = &*self.node.clock;
            let loaded = asked::timed((Of::Store, "load"), clock, load, StoreError::kind).await;
            let snapshot = match loaded {
                Ok(snapshot) => snapshot,
                Err(failed) => return (self.failed(&failed), None),
            };
            match self.settle(key, snapshot) {
                Some(filled) => return filled,
                None => self.node.stats.installs_refused.add(),
            }
        }
        (Fill::Failed(FillError::Overtaken), None)
    }

    /// Does what a read has left to do.
    pub(crate) async fn finish(&self, rest: Option<Rest>) {
        if let (Some(shared), Some(rest)) = (self.shared.as_deref(), rest) {
            let put = shared.put(&rest.key, rest.sealed, rest.life);
            if self.guarded("put", put).await.is_some() && self.refusals.is_over() {
                info!("redis takes new values again");
            }
        }
    }

    /// Turns a snapshot into an answer; `None` when an event has overtaken it.
    fn settle(&self, key: SessionKey, snapshot: Snapshot) -> Option<(Fill, Option<Rest>)> {
        let Snapshot {
            as_of,
            incarnation,
            now,
            row,
            is_former,
        } = snapshot;
        let Some(row) = row else {
            let fill = self.absent(key, is_former.then_some(Dead::Renewed), None);
            return Some((fill, None));
        };
        if let Err(dead) = row.verdict(now) {
            let owner = Owner::of(&row.session);
            let fill = self.absent(key, Some(dead), Some(Arc::new(owner)));
            return Some((fill, None));
        }
        let value = Value {
            session: row.session,
            as_of,
            incarnation,
        };
        let sealed = self.seal(&value);
        let entry = self.install(value)?;
        let life = self.shared_life(entry.session(), now);
        let rest = sealed.filter(|_| !life.is_zero()).map(|sealed| Rest {
            key: entry.session().key,
            sealed,
            life,
        });
        Some((Fill::Active(entry, Tier::Store), rest))
    }

    /// Remembers that there is no such live session. Drops the entry of the local tier, which is older than this
    /// answer: it must not be served, even if the store falls silent before the event arrives.
    fn absent(&self, key: SessionKey, dead: Option<Dead>, owner: Option<Arc<Owner>>) -> Fill {
        self.local.forget(&key);
        let now = self.node.clock.boot();
        self.local.put_absent(key, dead, owner, now);
        Fill::Absent(dead)
    }

    /// Puts a value into the local tier if no applied event has overtaken it (R5).
    ///
    /// The check and the insertion are two steps: an event may be applied between them. That is harmless, because an
    /// entry is checked against the window again whenever it is used.
    ///
    /// A value is also refused when the store has said meanwhile that the session has ended. An ended session never
    /// comes back, so the value is older than that answer.
    fn install(&self, mut value: Value) -> Option<Arc<Entry>> {
        let (key, now) = (&value.session.key, self.node.clock.boot());
        if self.local.absence(key, now).is_some() {
            return None;
        }
        let standing = self.accept(&value)?;
        for text in value.session.common_texts() {
            *text = self.texts.shared(text);
        }
        let ttl = self.jittered(self.options.local_ttl);
        let entry = Arc::new(Entry::new(
            value.session,
            standing,
            self.node.clock.boot(),
            ttl,
        ));
        self.local.put(Arc::clone(&entry));
        Some(entry)
    }

    fn accept(&self, value: &Value) -> Option<Standing> {
        self.node.window.accept(
            &value.session.key,
            &value.session.identity,
            value.as_of,
            value.incarnation,
        )
    }

    async fn read_shared(&self, key: &SessionKey) -> Option<Arc<Entry>> {
        let shared = self.shared.as_deref()?;
        let sealed = self.guarded("get", shared.get(key)).await??;
        let opened = self.sealer.load().open(key, &sealed);
        let value = match opened {
            Ok(value) => value,
            Err(reject) => return self.reject(reject),
        };
        let now = self.node.store_time.upper(self.node.clock.boot());
        let live = value.session.verdict(now, None).is_ok();
        // The store judges a session that looks dead here: only the store knows the last activity.
        let installed = if live { self.install(value) } else { None };
        if installed.is_none() {
            return self.reject(SharedReject::Outdated);
        }
        installed
    }

    fn reject(&self, reason: SharedReject) -> Option<Arc<Entry>> {
        if let Some(counter) = self.node.stats.shared_reject(reason) {
            counter.add();
        }
        None
    }

    fn seal(&self, value: &Value) -> Option<Vec<u8>> {
        self.shared.as_ref()?;
        self.sealer
            .load()
            .seal(value, self.entropy.as_ref())
            .ok()
            .flatten()
    }

    /// Removes a value from the shared cache. Hygiene: what stays behind is refused by its `as_of`.
    pub(crate) async fn unlink_shared(&self, key: &SessionKey) {
        if let Some(shared) = self.shared.as_deref() {
            self.guarded("unlink", shared.unlink(key)).await;
        }
    }

    /// Tells other nodes that something was committed. A hint: nothing depends on it.
    pub(crate) async fn publish(&self, hint: Hint) {
        if let Some(shared) = self.shared.as_deref() {
            self.guarded("publish", shared.publish(hint)).await;
        }
    }

    /// R6: the shorter of the configured time and the rest of the session's life, in whole milliseconds.
    fn shared_life(&self, session: &Session, now: Timestamp) -> Duration {
        let life = session
            .expires_at
            .since(now)
            .min(self.jittered(self.options.shared_ttl));
        Duration::from_millis(millis(life))
    }

    /// One call to the shared cache, if the breaker lets it through. `None` when it fails: the caller then goes on
    /// without the shared cache.
    async fn guarded<T>(
        &self,
        what: &'static str,
        call: impl Future<Output = Result<T, SharedError>> + Send,
    ) -> Option<T> {
        if !self.breaker.admit(self.node.clock.boot()) {
            self.node.stats.shared_errors.add();
            return None;
        }
        let clock = &*self.node.clock;
        let answer = asked::timed((Of::Shared, what), clock, call, SharedError::kind).await;
        let now = clock.boot();
        // Whoever says that it is full has answered, and can be read.
        let has_answered = matches!(&answer, Ok(_) | Err(SharedError::Full(_)));
        let is_back = self.breaker.report(now, has_answered, self.random_byte());
        if is_back && self.complaints.is_over() {
            info!("redis answers again");
        }
        answer.inspect_err(|failed| self.complain(failed, now)).ok()
    }

    fn complain(&self, failed: &SharedError, now: Boot) {
        let (kind, cause, stats) = (failed.kind(), failed.cause(), &self.node.stats);
        if matches!(failed, SharedError::Full(_)) {
            stats.shared_full.add();
            if self.refusals.is_news(&cause, now) {
                warn!(
                    kind,
                    cause, "redis takes no new values: those that it holds are used"
                );
            }
            return;
        }
        stats.shared_errors.add();
        if self.complaints.is_news(&cause, now) {
            warn!(kind, cause, "redis fails: this node goes on without it");
        } else {
            debug!(kind, cause, "redis fails");
        }
    }

    fn failed(&self, failed: &StoreError) -> Fill {
        self.node.stats.store_errors.add();
        debug!(
            kind = failed.kind(),
            cause = failed.cause(),
            "store read failed"
        );
        Fill::Failed(FillError::Store(failed.kind()))
    }

    /// Shortens `ttl` by up to a tenth, so that values read together expire at different times.
    fn jittered(&self, ttl: Duration) -> Duration {
        ttl - ttl * u32::from(self.random_byte()) / (10 * 256)
    }

    fn random_byte(&self) -> u8 {
        // Jitter only: without entropy there is none.
        entropy::bytes::<1>(self.entropy.as_ref()).map_or(0, |[byte]| byte)
    }
}
