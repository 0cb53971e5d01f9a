//! A cluster and sentinels over TLS, with users that may do what docs/redis.md says and nothing else.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use session_core::cache::SharedCache;
use session_core::cache::redis::{RedisCache, RedisDenied, RedisOptions};
use session_core::secret::SecretString;
use session_core::sid::SessionKey;
use session_core::trust::Trust;
use session_testing::{
    Issued, RedisUser, Secured, TestAuthority, TestRedis, TestRedisCluster, TestSentinels, Validity,
};

const KEY: SessionKey = SessionKey::from_bytes([7; 32]);
/// For machines that are busy.
const PATIENCE: Duration = Duration::from_secs(10);
const RIGHTS: &str = "~sidgate:1:* &sidgate:1:hint -@all +get +set +unlink +publish +subscribe";
const OF_A_CLUSTER: &str = "+cluster|info +cluster|slots";
const OF_SENTINELS: &str = "+role";
const ASKING: &str = "-@all +sentinel|get-master-addr-by-name +sentinel|sentinels";
/// What the driver tries by itself, and does without.
const TRIED: [&str; 2] = ["client|id", "info"];

fn secured(authority: &TestAuthority, shown: Issued, more: &str) -> Secured {
    Secured {
        shown,
        authority: authority.certificate(),
        user: RedisUser::new("gw", &format!("{RIGHTS} {more}")),
        asker: RedisUser::new("asker", ASKING),
    }
}

fn trusting(authority: &TestAuthority) -> Trust {
    let pem = std::fs::read(authority.certificate()).unwrap();
    Trust::default().and_authorities(&pem).unwrap()
}

fn connect(url: String, trust: Trust) -> RedisCache {
    let options = RedisOptions {
        trust,
        command_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(5),
        ..RedisOptions::default()
    };
    RedisCache::connect(&SecretString::new(url), options).unwrap()
}

async fn serves(url: String, trust: Trust) -> RedisCache {
    let cache = connect(url, trust);
    assert_eq!(cache.first_connection(PATIENCE).await, Ok(()));
    let life = Duration::from_secs(60);
    cache.put(&KEY, b"value".to_vec(), life).await.unwrap();
    assert_eq!(cache.get(&KEY).await, Ok(Some(b"value".to_vec())));
    let mut tries = 0;
    while let Err(missed) = cache.listen().await {
        tries += 1;
        assert!(tries < 10, "{missed}");
    }
    cache.unlink(&KEY).await.unwrap();
    let denied = cache.denied().await;
    assert!(denied.is_empty(), "{denied:?}");
    cache
}

/// Commands that the access list has turned away.
fn turned_away(server: &TestRedis) -> Vec<String> {
    let log = server.command(&["ACL", "LOG"]);
    let lines: Vec<&str> = log.lines().collect();
    let objects = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| **line == "object");
    objects
        .filter_map(|(at, _)| lines.get(at + 1))
        .map(|object| (*object).to_owned())
        .collect()
}

fn nothing_else_is_tried<'a>(servers: impl IntoIterator<Item = &'a TestRedis>) {
    for server in servers {
        for object in turned_away(server) {
            assert!(
                TRIED.contains(&&*object),
                "{object} is missing in the documentation"
            );
        }
    }
}

async fn refused(url: String, trust: Trust) -> String {
    let cache = connect(url, trust);
    let refused = cache.first_connection(Duration::from_secs(3)).await;
    refused.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_over_tls_with_the_least_rights() {
    let authority = TestAuthority::new();
    let secured = secured(&authority, authority.server(), OF_A_CLUSTER);
    let cluster = TestRedisCluster::secured(secured.clone());
    let cache = serves(cluster.url(), trusting(&authority)).await;
    nothing_else_is_tried(&cluster.servers);

    // Each server has a list of its own.
    let (server, user) = (&cluster.servers[1], &secured.user);
    RedisUser::new("gw", &format!("{} -publish -unlink", user.rights)).enter(server);
    let denied: Vec<RedisDenied> = cache.denied().await;
    assert_eq!(denied.len(), 1, "{denied:?}");
    assert_eq!(denied[0].commands, ["UNLINK", "PUBLISH"]);
    let address = denied[0].server.clone().unwrap();
    assert!(cluster.url().contains(&address), "{address}");

    let stranger = TestAuthority::new();
    let said = refused(cluster.url(), trusting(&stranger)).await;
    assert!(said.contains("of an unknown authority"), "{said}");
    let wrong = cluster.url().replace("gw:gw@", "gw:other@");
    let said = refused(wrong, trusting(&authority)).await;
    assert!(said.contains("WRONGPASS"), "{said}");
    for server in &cluster.servers {
        RedisUser::new("gw", &format!("{} -cluster|slots", user.rights)).enter(server);
    }
    let said = refused(cluster.url(), trusting(&authority)).await;
    assert!(
        said.contains("NOPERM") && said.contains("cluster"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_over_tls_with_the_least_rights() {
    let authority = TestAuthority::new();
    let secured = secured(&authority, authority.server(), OF_SENTINELS);
    let sentinels = TestSentinels::secured(secured.clone());
    serves(sentinels.url(), trusting(&authority)).await;
    nothing_else_is_tried([&sentinels.master]);

    let stranger = TestAuthority::new();
    let said = refused(sentinels.url(), trusting(&stranger)).await;
    assert!(said.contains("of an unknown authority"), "{said}");
    let said = refused(sentinels.url_of(Some("other")), trusting(&authority)).await;
    assert!(said.contains("sentinelPassword"), "{said}");
    let wrong = sentinels.url().replace("gw:gw@", "gw:other@");
    let said = refused(wrong, trusting(&authority)).await;
    assert!(said.contains("WRONGPASS"), "{said}");
    RedisUser::new("gw", &format!("{} -role", secured.user.rights)).enter(&sentinels.master);
    let said = refused(sentinels.url(), trusting(&authority)).await;
    assert!(said.contains("NOPERM") && said.contains("role"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_told() {
    let authority = TestAuthority::new();
    let elsewhere = authority.issue("elsewhere", "DNS:cache.internal", Validity::Now);
    let secured = secured(&authority, elsewhere, OF_SENTINELS);
    let sentinels = TestSentinels::secured(secured);
    let said = refused(sentinels.url(), trusting(&authority)).await;
    assert!(said.contains("for another name"), "{said}");
}
