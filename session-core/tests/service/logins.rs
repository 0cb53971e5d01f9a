//! What is remembered of where accounts log in.

use std::net::IpAddr;
use std::sync::Arc;

use session_core::cache::LocalLimits;
use session_core::cache::breaker::BreakerLimits;
use session_core::clock::SystemClock;
use session_core::entropy::SystemEntropy;
use session_core::keys::{Keyring, MasterKey};
use session_core::service::{Familiarity, Parts, Sessions, SessionsOptions};
use session_testing::Call;
use tokio::runtime::Handle;

use super::support::{Node, Site, until};

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 0));
const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 0));

async fn familiarity(node: &Node, account: &str, network: IpAddr, user: &str) -> (bool, bool) {
    let asked = node.sessions.familiarity(account, network, Some(user));
    let Familiarity { network, user } = asked.await.unwrap();
    (network, user)
}

#[tokio::test]
async fn a_login_is_remembered_by_all_nodes() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    assert_eq!(familiarity(&b, "alice", HOME, "7").await, (false, false));
    a.sessions.note_login("alice", HOME, "7").await.unwrap();
    assert_eq!(familiarity(&b, "alice", HOME, "7").await, (true, true));
    assert_eq!(familiarity(&b, "alice", AWAY, "7").await, (false, true));
    assert_eq!(familiarity(&b, "alice", HOME, "8").await, (true, false));
    assert_eq!(familiarity(&b, "bob", HOME, "7").await, (false, false));
    let nobody = b.sessions.familiarity("alice", AWAY, None).await.unwrap();
    assert_eq!(nobody, Familiarity::default());
}

#[tokio::test]
async fn an_error_is_no_answer() {
    let site = Site::new().await;
    let node = site.node().await;
    node.sessions.note_login("alice", HOME, "7").await.unwrap();
    node.faults.down_only(Call::familiar);
    node.faults.down_only(Call::note_login);
    assert!(
        node.sessions
            .familiarity("alice", HOME, None)
            .await
            .is_err()
    );
    assert!(node.sessions.note_login("alice", HOME, "7").await.is_err());
}

/// The names and networks themselves are nowhere in the file.
#[tokio::test]
async fn what_is_stored_names_nobody() {
    let site = Site::new().await;
    let node = site.node().await;
    let (account, user) = (
        "alice-who-is-not-to-be-found",
        "user-who-is-not-to-be-found",
    );
    node.sessions.note_login(account, HOME, user).await.unwrap();
    site.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let stored = std::fs::read(site.file()).unwrap();
    let holds = |what: &[u8]| stored.windows(what.len()).any(|bytes| bytes == what);
    assert!(holds(b"sidgate_login_network"));
    assert!(!holds(account.as_bytes()) && !holds(user.as_bytes()));
}

#[tokio::test]
async fn what_was_written_under_a_former_master_is_found() {
    let site = Site::new().await;
    let before = site.node().await;
    before
        .sessions
        .note_login("alice", HOME, "7")
        .await
        .unwrap();
    let former = MasterKey::from_bytes([7; 32]);
    let parts = Parts {
        store: Arc::clone(&site.store),
        shared: None,
        keys: Arc::new(Keyring::new(MasterKey::from_bytes([8; 32]), vec![former])),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        runtime: Handle::current(),
    };
    let seconds = std::time::Duration::from_secs;
    let options = SessionsOptions {
        local: LocalLimits {
            max_entries: 10,
            max_bytes: 1 << 20,
        },
        local_ttl: seconds(300),
        shared_ttl: seconds(1_800),
        negative_ttl: seconds(5),
        breaker: BreakerLimits::default(),
        migrate: false,
    };
    let after = Sessions::start(parts, options);
    until("a lease", async || after.readiness().lease).await;
    let found = after.familiarity("alice", HOME, Some("7")).await.unwrap();
    assert!(found.network && found.user);
}
