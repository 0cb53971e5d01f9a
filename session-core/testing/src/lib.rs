//! Test support for `session-core` and the crates above it. Tests control the time ([`ManualClock`]) and the faults of
//! a store ([`FaultStore`]), and start real servers that live no longer than the test run ([`TestPostgres`],
//! [`TestRedis`]).
//!
//! [`conformance`] is the suite that every [`SessionStore`](session_core::store::SessionStore) must pass.

mod authority;
mod clock;
pub mod conformance;
mod etcd;
mod fault;
mod postgres;
mod process;
mod redis;
pub mod sim;

pub use authority::{Issued, TestAuthority, Validity};
pub use clock::ManualClock;
pub use etcd::TestEtcd;
pub use fault::{Call, FaultStore, Faults, Hold};
pub use postgres::{
    Commits, Explained, PatroniSettings, Plans, Tap, TestDatabase, TestPatroni, TestPostgres, Wire,
    may_mount,
};
pub use redis::{RedisUser, Secured, TestRedis, TestRedisCluster, TestRedisTls, TestSentinels};
