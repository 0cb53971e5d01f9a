//! Redis: fast when it is good, harmless when it is not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use session_core::cache::redis::{RedisCache, RedisOptions};
use session_core::cache::{SharedCache, Tier};
use session_core::secret::SecretString;
use session_core::service::{Created, Resolution, Wait};
use session_core::session::RevokeReason;
use session_core::store::Scope;
use session_testing::{Call, TestRedis};

use crate::support::{Node, Site, until};

fn connect(redis: &TestRedis) -> Arc<RedisCache> {
    Arc::new(RedisCache::connect(&SecretString::new(redis.url()), RedisOptions::default()).unwrap())
}

async fn node(site: &Site, redis: &TestRedis) -> Node {
    let shared = connect(redis);
    // fred connects in the background; the tests below are about what comes after.
    let key = session_core::sid::SessionKey::from_bytes([0; 32]);
    until("redis answers", async || shared.get(&key).await.is_ok()).await;
    site.node_with(Some(shared), |_| ()).await
}

async fn tier(node: &Node, created: &Created) -> Option<Tier> {
    match node.resolve(created).await {
        Resolution::Active(active) => Some(active.tier),
        Resolution::Absent(_) | Resolution::Unknown(_) => None,
    }
}

/// Sends one inline command and returns what comes back first.
fn redis_says(redis: &TestRedis, command: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let mut request = format!("*{}\r\n", command.len()).into_bytes();
    for part in command {
        request.extend(format!("${}\r\n", part.len()).into_bytes());
        request.extend_from_slice(part);
        request.extend_from_slice(b"\r\n");
    }
    stream.write_all(&request).unwrap();
    let mut answer = vec![0; 65_536];
    let read = stream.read(&mut answer).unwrap();
    answer.truncate(read);
    answer
}

/// The one key of ours. It is written when the answer is given, so it may come a little later.
async fn only_key(redis: &TestRedis) -> Vec<u8> {
    let key = || {
        let text = String::from_utf8(redis_says(redis, &[b"KEYS", b"*"])).unwrap();
        let mut ours = text.lines().filter(|line| line.starts_with("sidgate:"));
        ours.next().map(|line| line.as_bytes().to_vec())
    };
    until("a key of ours", async || key().is_some()).await;
    key().expect("it stays")
}

/// The bytes of a bulk string.
fn bulk(answer: &[u8]) -> Vec<u8> {
    let start = answer.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    answer[start..answer.len() - 2].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_and_a_restarted_one_find_it_in_redis() {
    let (site, redis) = (Site::new().await, TestRedis::start());
    let a = node(&site, &redis).await;
    let created = a.log_in("7").await;
    assert_eq!(tier(&a, &created).await, Some(Tier::Store));
    only_key(&redis).await;
    let b = node(&site, &redis).await;
    assert_eq!(tier(&b, &created).await, Some(Tier::Shared));
    assert_eq!(tier(&b, &created).await, Some(Tier::Local));
    assert_eq!(b.faults.calls(Call::load), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_there_is_sealed_and_has_an_end() {
    let (site, redis) = (Site::new().await, TestRedis::start());
    let a = node(&site, &redis).await;
    let created = a.log_in("7").await;
    assert!(a.admits(&created).await);
    let key = only_key(&redis).await;
    let value = redis_says(&redis, &[b"GET", &key]);
    let sid = created.sid.expose().as_str().to_owned();
    for secret in [sid.as_bytes(), b"\"7\"", b"user"] {
        assert!(!value.windows(secret.len()).any(|part| part == secret));
    }
    let ttl = redis_says(&redis, &[b"PTTL", &key]);
    let ttl: i64 = String::from_utf8(ttl)
        .unwrap()
        .trim_start_matches(':')
        .trim()
        .parse()
        .unwrap();
    assert!((1..=1_800_000).contains(&ttl), "{ttl} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_a_miss() {
    let (site, redis) = (Site::new().await, TestRedis::start());
    let a = node(&site, &redis).await;
    let created = a.log_in("7").await;
    assert!(a.admits(&created).await);
    let key = only_key(&redis).await;
    for garbage in [&b""[..], b"x", &[1; 100], b"{\"user\":{\"id\":\"1\"}}"] {
        redis_says(&redis, &[b"SET", &key, garbage]);
        let b = node(&site, &redis).await;
        assert_eq!(tier(&b, &created).await, Some(Tier::Store), "{garbage:?}");
        until("the value is put right", async || {
            bulk(&redis_says(&redis, &[b"GET", &key])) != garbage
        })
        .await;
    }
}

/// Somebody with access to Redis keeps the value of a live session and puts it back after the logout.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_put_back_after_the_revocation_is_refused_by_every_node() {
    let (site, redis) = (Site::new().await, TestRedis::start());
    let a = node(&site, &redis).await;
    let created = a.log_in("7").await;
    assert!(a.admits(&created).await);
    let key = only_key(&redis).await;
    let value = bulk(&redis_says(&redis, &[b"GET", &key]));
    a.sessions
        .revoke(Scope::User("7".into()), RevokeReason::Admin, Wait::None)
        .await
        .unwrap();
    redis_says(&redis, &[b"SET", &key, &value]);
    assert!(a.absence(&created).await.is_some());
    let newcomer = node(&site, &redis).await;
    assert!(
        newcomer.absence(&created).await.is_some(),
        "a node that starts now loads the recent events first"
    );
    let outdated = newcomer
        .sessions
        .stats()
        .shared_reject(session_core::stats::SharedReject::Outdated)
        .unwrap();
    assert_eq!(outdated.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_a_silent_and_a_returning_redis_change_no_answer() {
    let (site, mut redis) = (Site::new().await, TestRedis::start());
    let a = node(&site, &redis).await;
    let sessions = [
        a.log_in("1").await,
        a.log_in("2").await,
        a.log_in("3").await,
    ];
    assert_eq!(tier(&a, &sessions[0]).await, Some(Tier::Store));
    redis.pause();
    assert_eq!(tier(&a, &sessions[1]).await, Some(Tier::Store), "silent");
    redis.resume();
    redis.stop();
    assert_eq!(tier(&a, &sessions[2]).await, Some(Tier::Store), "dead");
    redis.restart();
    let back = a.log_in("4").await;
    assert!(a.admits(&back).await);
    until("the breaker lets values through again", async || {
        let fresh = a.log_in("5").await;
        a.admits(&fresh).await && !redis_says(&redis, &[b"KEYS", b"*"]).starts_with(b"*0")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_never_there_costs_nothing_but_time() {
    let site = Site::new().await;
    let nobody = SecretString::new("redis://127.0.0.1:1".to_owned());
    let shared = Arc::new(RedisCache::connect(&nobody, RedisOptions::default()).unwrap());
    let node = site.node_with(Some(shared), |_| ()).await;
    let created = node.log_in("7").await;
    assert_eq!(tier(&node, &created).await, Some(Tier::Store));
    assert_eq!(tier(&node, &created).await, Some(Tier::Local));
}

/// A Redis that is full answers, so it is read as before. The values come back when it has room.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_takes_no_values_is_read_all_the_same() {
    let (site, redis) = (Site::new().await, TestRedis::start());
    let [a, b] = [node(&site, &redis).await, node(&site, &redis).await];
    let before = a.log_in("1").await;
    assert!(a.admits(&before).await);
    only_key(&redis).await;
    redis_says(
        &redis,
        &[b"CONFIG", b"SET", b"maxmemory-policy", b"noeviction"],
    );
    redis_says(&redis, &[b"CONFIG", b"SET", b"maxmemory", b"1"]);
    // More than the breaker bears of failures, in a row and in all.
    for user in 0..30 {
        let created = a.log_in(&format!("full{user}")).await;
        assert_eq!(tier(&a, &created).await, Some(Tier::Store));
    }
    let full = || a.sessions.stats().shared_full.get();
    until("values are refused", async || full() >= 25).await;
    assert_eq!(a.sessions.stats().shared_errors.get(), 0);
    assert_eq!(tier(&b, &before).await, Some(Tier::Shared), "reads go on");
    redis_says(&redis, &[b"CONFIG", b"SET", b"maxmemory", b"0"]);
    let after = a.log_in("2").await;
    assert_eq!(tier(&a, &after).await, Some(Tier::Store));
    until("values are taken again", async || {
        redis_says(&redis, &[b"DBSIZE"]) == b":2\r\n"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_redis_is_over_by_itself() {
    let redis = TestRedis::start();
    let (cache, other) = (connect(&redis), connect(&redis));
    let patience = Duration::from_secs(3);
    cache.first_connection(patience).await.unwrap();
    other.first_connection(patience).await.unwrap();
    let key = session_core::sid::SessionKey::from_bytes([0; 32]);
    cache.pause(Duration::from_millis(700)).await.unwrap();
    assert!(other.get(&key).await.is_err(), "it answers nobody");
    until("it answers", async || other.get(&key).await.is_ok()).await;
}
