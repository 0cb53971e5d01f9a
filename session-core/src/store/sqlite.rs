//! Sessions in one SQLite file: for one machine, without a database server.
//!
//! - **A commit is on disk.** WAL with `synchronous = FULL`: a revocation that was answered survives a loss of power.
//! - **Five connections**, each with a thread: one writes, one reads, one is the heartbeat's, so that no queue can end the
//!   lease, one does the chores, reports and housekeeping, that need not be on disk at once, and one answers operators
//!   and lists, whose questions take long. WAL lets them work at the same time (`lane`).
//! - **Every call ends.** A caller waits until the limit at most; a call that has not started by then is dropped.
//! - **Time comes from the clock that is handed in**; SQLite's own is the host's.
//! - **Several gateways may share the file.** They hear of each other, and of the sqlite3 shell, by the log of events.

use std::path::{Path, PathBuf};

use self::file::create_private;
use self::lane::Lane;
use self::writer::Writer;
use super::prelude::*;
use crate::clock::SharedClock;

mod adopt;
mod events;
mod file;
mod housekeep;
mod inspect;
mod lane;
mod legacy;
mod login;
mod look;
mod nodes;
mod options;
mod person;
mod plan;
mod read;
mod renew;
mod revoke;
mod room;
mod row;
mod schema;
mod sighting;
mod statement;
mod write;
mod writer;

pub use self::look::look;
pub use self::options::SqliteOptions;
pub use self::plan::plan_of_a_new_file;
#[cfg(test)]
pub(super) use self::schema::MIGRATIONS;

/// Sessions in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    clock: SharedClock,
    writer: Writer,
    reader: Lane,
    pulse: Lane,
    chores: Lane,
    operators: Lane,
    options: SqliteOptions,
}

impl SqliteStore {
    /// Opens the file at `path`, or creates it, readable by its owner only. The schema is left to
    /// [`SessionStore::apply_schema`].
    ///
    /// # Errors
    /// When the file cannot be opened, is not a database, or lies where WAL does not work.
    pub async fn open(path: &Path, clock: SharedClock) -> StoreResult<Self> {
        Self::open_with(path, clock, SqliteOptions::default()).await
    }

    /// [`SqliteStore::open`] with other limits.
    ///
    /// # Errors
    /// As for [`SqliteStore::open`].
    pub async fn open_with(
        path: &Path,
        clock: SharedClock,
        options: SqliteOptions,
    ) -> StoreResult<Self> {
        create_private(path).map_err(StoreError::unavailable)?;
        Ok(Self {
            path: path.to_owned(),
            clock,
            writer: Writer::open(path, options.write_timeout).await?,
            reader: Lane::reader(path, options.read_timeout).await?,
            pulse: Lane::reader(path, options.pulse_timeout).await?,
            chores: Lane::chores(path, options.pulse_timeout).await?,
            operators: Lane::reader(path, options.write_timeout).await?,
            options,
        })
    }
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn check_schema(&self) -> StoreResult<()> {
        self.reader
            .call(|connection| schema::check(connection))
            .await
    }

    async fn apply_schema(&self) -> StoreResult<()> {
        self.writer.alone().call(schema::apply).await
    }

    async fn pulse(&self, node: Uuid, applied: Seq) -> StoreResult<Pulse> {
        let clock = SharedClock::clone(&self.clock);
        self.pulse
            .call(move |connection| events::pulse(connection, clock.wall(), node, applied))
            .await
    }

    async fn history(&self, limit: usize) -> StoreResult<History> {
        self.pulse
            .call_within(self.options.write_timeout, move |connection| {
                events::history(connection, limit)
            })
            .await
    }

    async fn load(&self, key: &SessionKey) -> StoreResult<Snapshot> {
        let (clock, key) = (SharedClock::clone(&self.clock), *key);
        self.reader
            .call(move |connection| read::load(connection, clock.wall(), &key))
            .await
    }

    async fn head(&self) -> StoreResult<Seq> {
        self.reader.call(|connection| read::head(connection)).await
    }

    async fn insert(&self, new: &NewSession) -> StoreResult<Session> {
        let (clock, new) = (SharedClock::clone(&self.clock), new.clone());
        self.writer
            .call(move |connection| write::insert(connection, &clock, &new))
            .await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: i64,
        change: &Change,
    ) -> StoreResult<Updated> {
        let (clock, key, change) = (SharedClock::clone(&self.clock), *key, change.clone());
        self.writer
            .call(move |connection| write::update(connection, &clock, &key, version, &change))
            .await
    }

    async fn renew(&self, renewal: &Renewal) -> StoreResult<Option<Session>> {
        let (clock, renewal) = (SharedClock::clone(&self.clock), renewal.clone());
        self.writer
            .call(move |connection| renew::renew(connection, &clock, &renewal))
            .await
    }

    async fn touch(&self, batch: &[Touch]) -> StoreResult<u64> {
        let (clock, batch) = (SharedClock::clone(&self.clock), batch.to_vec());
        self.writer
            .call(move |connection| write::touch(connection, &clock, &batch))
            .await
    }

    async fn revoke(&self, scope: &Scope, reason: RevokeReason) -> StoreResult<Revoked> {
        let (clock, scope) = (SharedClock::clone(&self.clock), scope.clone());
        self.writer
            .call(move |connection| revoke::revoke(connection, &clock, &scope, reason))
            .await
    }

    async fn list_by_user(
        &self,
        user_id: &str,
        group: &Group,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> StoreResult<Vec<Device>> {
        let clock = SharedClock::clone(&self.clock);
        let (user_id, group) = (user_id.to_owned(), group.clone());
        self.operators
            .call(move |connection| {
                read::list_by_user(connection, clock.wall(), (&user_id, &group), after, limit)
            })
            .await
    }

    async fn find(&self, id: Uuid) -> StoreResult<Option<StoredSession>> {
        self.reader
            .call(move |connection| read::find(connection, id))
            .await
    }

    async fn search(&self, search: &Search) -> StoreResult<Vec<Session>> {
        let (clock, search) = (SharedClock::clone(&self.clock), search.clone());
        self.operators
            .call(move |connection| read::search(connection, clock.wall(), &search))
            .await
    }

    async fn count_live(&self) -> StoreResult<u64> {
        let clock = SharedClock::clone(&self.clock);
        self.operators
            .call(move |connection| read::count_live(connection, clock.wall()))
            .await
    }

    async fn report(&self, node: Uuid, applied: Seq, eid: Option<Uuid>) -> StoreResult<()> {
        let clock = SharedClock::clone(&self.clock);
        self.chores
            .call(move |connection| nodes::report(connection, clock.wall(), node, applied, eid))
            .await
    }

    async fn report_and_pulse(
        &self,
        node: Uuid,
        applied: Seq,
        eid: Option<Uuid>,
    ) -> StoreResult<Pulse> {
        self.report(node, applied, eid).await?;
        self.pulse(node, applied).await
    }

    async fn nodes(&self, within: Duration) -> StoreResult<Vec<NodeReport>> {
        let clock = SharedClock::clone(&self.clock);
        self.reader
            .call(move |connection| nodes::nodes(connection, clock.wall(), within))
            .await
    }

    async fn retire(&self, node: Uuid) -> StoreResult<()> {
        self.chores
            .call(move |connection| nodes::retire(connection, node))
            .await
    }

    /// A SQLite file sends no notifications.
    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        Ok(None)
    }

    async fn housekeep(&self, batch: usize) -> StoreResult<Housekept> {
        let clock = SharedClock::clone(&self.clock);
        self.chores
            .call_within(self.options.write_timeout, move |connection| {
                housekeep::housekeep(connection, clock.wall(), batch)
            })
            .await
    }
}

#[async_trait]
impl LegacyStore for SqliteStore {
    async fn recall(&self, keys: &[LegacyKey]) -> StoreResult<Recalled> {
        let (clock, keys) = (SharedClock::clone(&self.clock), keys.to_vec());
        self.reader
            .call(move |connection| legacy::recall(connection, clock.wall(), &keys))
            .await
    }

    async fn adopt(&self, adoption: &Adoption) -> StoreResult<Adopted> {
        let (clock, adoption) = (SharedClock::clone(&self.clock), adoption.clone());
        self.writer
            .call(move |connection| adopt::adopt(connection, &clock, &adoption))
            .await
    }

    async fn attach(&self, attachment: &Attachment) -> StoreResult<Attached> {
        let (clock, attachment) = (SharedClock::clone(&self.clock), attachment.clone());
        self.writer
            .call(move |connection| adopt::attach(connection, &clock, &attachment))
            .await
    }

    async fn cut_off(&self, user_id: &str, group: &Group) -> StoreResult<()> {
        let clock = SharedClock::clone(&self.clock);
        let (user_id, group) = (user_id.to_owned(), group.clone());
        self.writer
            .call(move |connection| adopt::cut_off(connection, &clock, &user_id, &group))
            .await
    }

    async fn kept(&self, key: &SessionKey) -> StoreResult<Option<Vec<u8>>> {
        let key = *key;
        self.reader
            .call(move |connection| legacy::kept(connection, &key))
            .await
    }

    async fn forget_legacy(&self, tombstone: Duration, batch: usize) -> StoreResult<u64> {
        let clock = SharedClock::clone(&self.clock);
        self.chores
            .call_within(self.options.write_timeout, move |connection| {
                legacy::forget(connection, clock.wall(), tombstone, batch)
            })
            .await
    }

    async fn tally(&self, seen: &[Seen]) -> StoreResult<()> {
        let (clock, seen) = (SharedClock::clone(&self.clock), seen.to_vec());
        self.chores
            .call(move |connection| legacy::tally(connection, clock.wall(), &seen))
            .await
    }

    async fn tallied(&self) -> StoreResult<Tally> {
        let clock = SharedClock::clone(&self.clock);
        self.operators
            .call(move |connection| legacy::tallied(connection, clock.wall()))
            .await
    }
}

#[async_trait]
impl SightingStore for SqliteStore {
    async fn sight(&self, seen: &Sighting) -> StoreResult<()> {
        let seen = seen.clone();
        self.chores
            .call(move |connection| sighting::sight(connection, &seen))
            .await
    }

    async fn sightings_of(&self, session: Uuid, limit: usize) -> StoreResult<Vec<Sighting>> {
        self.reader
            .call(move |connection| sighting::of(connection, session, limit))
            .await
    }

    async fn flags(&self, sessions: &[Uuid], limit: usize) -> StoreResult<Vec<Flag>> {
        let sessions = sessions.to_vec();
        self.operators
            .call(move |connection| sighting::flags(connection, &sessions, limit))
            .await
    }

    async fn sightings_from(&self, from: Cursor, limit: usize) -> StoreResult<Sightings> {
        self.operators
            .call(move |connection| sighting::from(connection, from, limit))
            .await
    }

    async fn forget_sightings(&self, kept: Duration, batch: usize) -> StoreResult<u64> {
        let clock = SharedClock::clone(&self.clock);
        self.chores
            .call_within(self.options.write_timeout, move |connection| {
                sighting::forget(connection, clock.wall(), kept, batch)
            })
            .await
    }
}

#[async_trait]
impl LoginStore for SqliteStore {
    async fn familiar(
        &self,
        account: &LoginDigest,
        network: &LoginDigest,
        within: Duration,
    ) -> StoreResult<Option<Familiar>> {
        let (clock, account, network) = (SharedClock::clone(&self.clock), *account, *network);
        self.reader
            .call(move |connection| {
                login::familiar(connection, clock.wall(), &account, &network, within)
            })
            .await
    }

    async fn note_login(&self, seen: &LoginSeen) -> StoreResult<()> {
        let (clock, seen) = (SharedClock::clone(&self.clock), *seen);
        self.chores
            .call(move |connection| login::note(connection, clock.wall(), &seen))
            .await
    }

    async fn forget_logins(&self, kept: Duration, batch: usize) -> StoreResult<u64> {
        let clock = SharedClock::clone(&self.clock);
        self.chores
            .call_within(self.options.write_timeout, move |connection| {
                login::forget(connection, clock.wall(), kept, batch)
            })
            .await
    }

    async fn redeem(&self, code: &CodeDigest) -> StoreResult<bool> {
        let (clock, code) = (SharedClock::clone(&self.clock), *code);
        self.chores
            .call(move |connection| login::redeem(connection, clock.wall(), &code))
            .await
    }
}

#[cfg(test)]
mod tests;
