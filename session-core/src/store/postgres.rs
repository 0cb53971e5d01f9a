//! Sessions in PostgreSQL (14 or later).
//!
//! The rules of the trait that need care here:
//!
//! - **Everything ends.** Waiting for a connection, connecting, and each call have a limit of their own; the server has
//!   the same limit as `statement_timeout`, so that it stops what the client has given up. A connection whose call
//!   failed or was cancelled is closed and never used again (`pool`).
//! - **A read is retried once** if the pooled connection turns out to be dead. A write is never retried: it may have
//!   happened.
//! - **The heartbeat has a connection to itself** (`link`): a pool full of slow queries must not end the lease.
//! - **Lists and operators have two**: their questions take long, and must not keep a login or a logout waiting.
//! - **Hints have one too** (`hints`): the server sends them when it likes, and some poolers swallow them.
//! - **What stands in between is examined** (`pooler`) before the first answer is believed.
//! - **Only a primary is believed**: connections ask for a read-write server, and reads check again.
//! - **Numbers are given at commit** by the triggers of the schema (`schema`); this code never writes an event.

use self::connect::Connector;
use self::link::Link;
use self::pool::Pool;
use self::pooler::Examination;
use super::prelude::*;
use crate::secret::SecretString;

mod adopt;
mod connect;
mod events;
mod fault;
mod figures;
mod hints;
mod housekeep;
mod insert;
mod inspect;
mod legacy;
mod link;
mod login;
mod new_session;
mod nodes;
mod opening;
mod options;
mod parameters;
mod person;
mod place;
mod plan;
mod pool;
mod pool_use;
mod pooler;
mod read;
mod renew;
mod revoke;
mod rights;
mod room;
mod row;
mod schema;
mod server;
mod sighting;
mod url;
mod write;

pub use self::connect::PostgresConfigError;
pub use self::figures::Figures;
pub use self::options::PostgresOptions;
pub use self::parameters::TlsFiles;
pub use self::place::{Place, place};
pub use self::pool_use::{Connections, ConnectionsSeen};
pub use self::rights::{BadIdentifier, Identifier, grants};
#[cfg(test)]
pub(super) use self::schema::MIGRATIONS;
pub use self::url::{BadPostgresUrl, PostgresUrl};

/// Whether sessions may cross a network without TLS on the way to `url`. `false` when `url` does not parse.
#[must_use]
pub fn may_be_clear_text(url: &SecretString) -> bool {
    PostgresUrl::read(url).is_ok_and(|url| url.may_be_clear_text())
}

/// Sessions in PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    connector: Connector,
    pool: Pool,
    operators: Pool,
    link: Link,
    examination: Examination,
    options: PostgresOptions,
}

impl PostgresStore {
    /// Reads `url` (`postgres://user:password@host/database?sslmode=require`). Does not connect yet: a gateway can
    /// start while its store is down. Calls must come from a tokio runtime that outlives the store.
    ///
    /// `sslmode=require` encrypts and verifies chain and name of the server's certificate by [`PostgresOptions::trust`];
    /// `prefer`, the default, does the same if the server offers TLS, except towards a loopback address or a socket, where it
    /// means `disable` unless certificates are named. Files that the URL names ([`PostgresUrl::tls_files`]) are not read
    /// here: whoever calls puts them into [`PostgresOptions::trust`].
    ///
    /// # Errors
    /// When the URL or a certificate cannot be used.
    pub fn new(url: &SecretString, options: PostgresOptions) -> Result<Self, PostgresConfigError> {
        let connector = Connector::new(&PostgresUrl::read(url)?, &options)?;
        Ok(Self {
            pool: Pool::new(&connector, &options)?,
            operators: Pool::for_operators(&connector, &options)?,
            link: Link::new(connector.clone(), &options, &events::OF_A_BEAT),
            examination: Examination::default(),
            connector,
            options,
        })
    }

    /// The connections that requests use, to be looked at. Not those of the heartbeat, of hints, of lists and of operators.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.pool.connections()
    }

    /// How large the database is, and how many connections the server takes.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn figures(&self) -> StoreResult<Figures> {
        figures::figures(&self.operators).await
    }

    /// Gives the role of a gateway the rights that [`grants`] lists. Works for whoever owns the tables.
    ///
    /// # Errors
    /// When there are no tables or no such role, and when the schema of the tables is somebody else's to open.
    pub async fn give_rights(&self, role: &Identifier) -> StoreResult<()> {
        rights::give(&self.pool, role).await
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn check_schema(&self) -> StoreResult<()> {
        self.examination.pass(&self.connector).await?;
        schema::check(&self.pool).await
    }

    async fn apply_schema(&self) -> StoreResult<()> {
        schema::apply(&self.pool).await
    }

    async fn pulse(&self, node: Uuid, applied: Seq) -> StoreResult<Pulse> {
        events::pulse(&self.link, node, applied).await
    }

    async fn history(&self, limit: usize) -> StoreResult<History> {
        events::history(&self.link, limit, self.options.write_timeout).await
    }

    async fn load(&self, key: &SessionKey) -> StoreResult<Snapshot> {
        read::load(&self.pool, key).await
    }

    async fn head(&self) -> StoreResult<Seq> {
        read::head(&self.pool).await
    }

    async fn insert(&self, new: &NewSession) -> StoreResult<Session> {
        insert::insert(&self.pool, new).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: i64,
        change: &Change,
    ) -> StoreResult<Updated> {
        write::update(&self.pool, key, version, change).await
    }

    async fn renew(&self, renewal: &Renewal) -> StoreResult<Option<Session>> {
        renew::renew(&self.pool, renewal).await
    }

    async fn touch(&self, batch: &[Touch]) -> StoreResult<u64> {
        write::touch(&self.pool, batch).await
    }

    async fn revoke(&self, scope: &Scope, reason: RevokeReason) -> StoreResult<Revoked> {
        revoke::revoke(&self.pool, scope, reason).await
    }

    async fn list_by_user(
        &self,
        user_id: &str,
        group: &Group,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> StoreResult<Vec<Device>> {
        read::list_by_user(&self.operators, user_id, group, after, limit).await
    }

    async fn find(&self, id: Uuid) -> StoreResult<Option<StoredSession>> {
        read::find(&self.pool, id).await
    }

    async fn search(&self, search: &Search) -> StoreResult<Vec<Session>> {
        read::search(&self.operators, search).await
    }

    async fn count_live(&self) -> StoreResult<u64> {
        read::count_live(&self.operators).await
    }

    async fn report(&self, node: Uuid, applied: Seq, eid: Option<Uuid>) -> StoreResult<()> {
        nodes::report(&self.link, node, applied, eid).await
    }

    async fn report_and_pulse(
        &self,
        node: Uuid,
        applied: Seq,
        eid: Option<Uuid>,
    ) -> StoreResult<Pulse> {
        events::report_and_pulse(&self.link, node, applied, eid).await
    }

    async fn nodes(&self, within: Duration) -> StoreResult<Vec<NodeReport>> {
        nodes::nodes(&self.pool, within).await
    }

    async fn retire(&self, node: Uuid) -> StoreResult<()> {
        nodes::retire(&self.link, node).await
    }

    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        let limit = self.options.connect_timeout;
        let hints = hints::open(&self.connector, &self.pool, limit).await?;
        Ok(Some(Box::new(hints)))
    }

    async fn housekeep(&self, batch: usize) -> StoreResult<Housekept> {
        housekeep::housekeep(&self.pool, batch).await
    }
}

#[async_trait]
impl LegacyStore for PostgresStore {
    async fn recall(&self, keys: &[LegacyKey]) -> StoreResult<Recalled> {
        legacy::recall(&self.pool, keys).await
    }

    async fn adopt(&self, adoption: &Adoption) -> StoreResult<Adopted> {
        adopt::adopt(&self.pool, adoption).await
    }

    async fn attach(&self, attachment: &Attachment) -> StoreResult<Attached> {
        adopt::attach(&self.pool, attachment).await
    }

    async fn cut_off(&self, user_id: &str, group: &Group) -> StoreResult<()> {
        adopt::cut_off(&self.pool, user_id, group).await
    }

    async fn kept(&self, key: &SessionKey) -> StoreResult<Option<Vec<u8>>> {
        legacy::kept(&self.pool, key).await
    }

    async fn forget_legacy(&self, tombstone: Duration, batch: usize) -> StoreResult<u64> {
        legacy::forget(&self.pool, tombstone, batch).await
    }

    async fn tally(&self, seen: &[Seen]) -> StoreResult<()> {
        legacy::tally(&self.pool, seen).await
    }

    async fn tallied(&self) -> StoreResult<Tally> {
        legacy::tallied(&self.operators).await
    }
}

#[async_trait]
impl SightingStore for PostgresStore {
    async fn sight(&self, seen: &Sighting) -> StoreResult<()> {
        sighting::sight(&self.pool, seen).await
    }

    async fn sightings_of(&self, session: Uuid, limit: usize) -> StoreResult<Vec<Sighting>> {
        sighting::of(&self.pool, session, limit).await
    }

    async fn flags(&self, sessions: &[Uuid], limit: usize) -> StoreResult<Vec<Flag>> {
        sighting::flags(&self.operators, sessions, limit).await
    }

    async fn sightings_from(&self, from: Cursor, limit: usize) -> StoreResult<Sightings> {
        sighting::from(&self.operators, from, limit).await
    }

    async fn forget_sightings(&self, kept: Duration, batch: usize) -> StoreResult<u64> {
        sighting::forget(&self.pool, kept, batch).await
    }
}

#[async_trait]
impl LoginStore for PostgresStore {
    async fn familiar(
        &self,
        account: &LoginDigest,
        network: &LoginDigest,
        within: Duration,
    ) -> StoreResult<Option<Familiar>> {
        login::familiar(&self.pool, account, network, within).await
    }

    async fn note_login(&self, seen: &LoginSeen) -> StoreResult<()> {
        login::note(&self.pool, seen).await
    }

    async fn forget_logins(&self, kept: Duration, batch: usize) -> StoreResult<u64> {
        login::forget(&self.pool, kept, batch).await
    }

    async fn redeem(&self, code: &CodeDigest) -> StoreResult<bool> {
        login::redeem(&self.pool, code).await
    }
}

#[async_trait]
impl PersonStore for PostgresStore {
    async fn sessions_of(
        &self,
        user_id: &str,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<Vec<StoredSession>> {
        person::sessions(&self.operators, user_id, after, limit).await
    }

    async fn sightings_of_user(
        &self,
        user_id: &str,
        from: i64,
        scan: usize,
    ) -> StoreResult<SightingsOf> {
        person::sightings(&self.operators, user_id, from, scan).await
    }

    async fn traces(&self, person: &Person) -> StoreResult<Traces> {
        person::traces(&self.operators, person).await
    }

    async fn erase_sessions(
        &self,
        user_id: &str,
        before: Seq,
        batch: usize,
    ) -> StoreResult<ErasedSessions> {
        person::erase_sessions(&self.pool, user_id, before, batch).await
    }

    async fn erase_sightings(&self, user_id: &str, from: i64, scan: usize) -> StoreResult<Swept> {
        person::erase_sightings(&self.pool, user_id, from, scan).await
    }

    async fn erase_logins(&self, owners: &[LoginDigest]) -> StoreResult<u64> {
        person::erase_logins(&self.pool, owners).await
    }

    async fn hide_cutoffs(&self, person: &Person) -> StoreResult<u64> {
        person::hide_cutoffs(&self.pool, person).await
    }
}
