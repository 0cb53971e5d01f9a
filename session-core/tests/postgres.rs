//! What is PostgreSQL's own: deferred numbering, roles, faults of the network and of the schema.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use session_core::secret::SecretString;
use session_core::session::{
    Group, Identity, NewSession, Origin, References, RevokeReason, Session, SiteName,
};
use session_core::sid::SessionKey;
use session_core::store::postgres::{PostgresOptions, PostgresStore};
use session_core::store::{Renewal, SchemaError, Scope, SessionStore, StoreError, Subject, Touch};
use session_testing::{Call, FaultStore, TestDatabase, TestPostgres};
use tokio::net::TcpListener;
use uuid::Uuid;

#[path = "postgres/faults.rs"]
mod faults;
#[path = "postgres/hints.rs"]
mod hints;
#[path = "postgres/housekeep.rs"]
mod housekeep;
#[path = "postgres/lanes.rs"]
mod lanes;
#[path = "postgres/numbering.rs"]
mod numbering;
#[path = "postgres/plans/mod.rs"]
mod plans;
#[path = "postgres/privacy.rs"]
mod privacy;
#[path = "postgres/promotion.rs"]
mod promotion;
#[path = "postgres/rights.rs"]
mod rights;
#[path = "postgres/roles.rs"]
mod roles;
#[path = "postgres/schema.rs"]
mod schema;
#[path = "postgres/several.rs"]
mod several;
#[path = "postgres/statements.rs"]
mod statements;
#[path = "postgres/version_11.rs"]
mod version_11;
#[path = "postgres/versions.rs"]
mod versions;

/// A session of user 7, told apart by `n`.
fn login(n: u8) -> NewSession {
    let identity = json!({"user": {"id": "7"}, "tenant_id": "t1"});
    NewSession {
        key: SessionKey::from_bytes([n; 32]),
        id: Uuid::from_u128(u128::from(n)),
        group: Group::default(),
        site: SiteName::default(),
        identity: Identity::from_value(identity).unwrap().0,
        ip: None,
        user_agent: "".into(),
        ttl: Duration::from_secs(3_600),
        idle: Duration::ZERO,
        references: References::default(),
        sampled: 0,
        origin: Origin::Login { replaces: None },
        limit: None,
    }
}

fn options() -> PostgresOptions {
    PostgresOptions {
        write_timeout: Duration::from_millis(500),
        ..PostgresOptions::default()
    }
}

async fn revoke(store: &PostgresStore, scope: Scope) -> i64 {
    store.revoke(&scope, RevokeReason::Admin).await.unwrap().seq
}

async fn subjects(store: &PostgresStore) -> Vec<Subject> {
    let events = store.pulse(Uuid::nil(), 0).await.unwrap().events;
    events.into_iter().map(|event| event.subject).collect()
}
