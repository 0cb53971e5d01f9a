//! One Redis for several: each fleet has a prefix, and what it may do is written in an access list.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::time::Duration;

use session_core::cache::SharedCache;
use session_core::cache::redis::{KeyPrefix, RedisCache, RedisOptions};
use session_core::hint::{Hint, HintStream};
use session_core::secret::SecretString;
use session_core::sid::SessionKey;
use session_testing::{RedisUser, TestRedis};

const KEY: SessionKey = SessionKey::from_bytes([7; 32]);
const LIFE: Duration = Duration::from_secs(60);
const A_WHILE: Duration = Duration::from_millis(300);
/// For machines that are busy.
const PATIENCE: Duration = Duration::from_secs(10);

async fn fleet(url: String, prefix: &str) -> RedisCache {
    let options = RedisOptions {
        prefix: KeyPrefix::parse(prefix).unwrap(),
        command_timeout: Duration::from_secs(2),
        ..RedisOptions::default()
    };
    let cache = RedisCache::connect(&SecretString::new(url), options).unwrap();
    assert_eq!(cache.first_connection(PATIENCE).await, Ok(()));
    cache
}

async fn listening(cache: &RedisCache) -> Box<dyn HintStream> {
    for _ in 0..10 {
        if let Ok(Some(hints)) = cache.listen().await {
            return hints;
        }
    }
    panic!("the channel opens");
}

async fn hears(hints: &mut Box<dyn HintStream>) -> Option<Hint> {
    let heard = tokio::time::timeout(A_WHILE, hints.next()).await;
    heard.ok().map(Result::unwrap)
}

#[tokio::test(flavor = "multi_thread")]
async fn fleets_with_prefixes_of_their_own_neither_see_nor_wake_each_other() {
    let redis = TestRedis::start();
    let [a, b, without] = ["a:", "b:", ""].map(|prefix| fleet(redis.url(), prefix));
    let (a, b, without) = (a.await, b.await, without.await);
    let [mut of_a, mut of_b] = [listening(&a).await, listening(&b).await];
    let mut of_none = listening(&without).await;

    // The same key, which two fleets with one master key would have.
    for (cache, value) in [(&a, b"a"), (&b, b"b"), (&without, b"0")] {
        cache.put(&KEY, value.to_vec(), LIFE).await.unwrap();
    }
    assert_eq!(a.get(&KEY).await, Ok(Some(b"a".to_vec())));
    a.unlink(&KEY).await.unwrap();
    assert_eq!(a.get(&KEY).await, Ok(None));
    assert_eq!(b.get(&KEY).await, Ok(Some(b"b".to_vec())));
    assert_eq!(without.get(&KEY).await, Ok(Some(b"0".to_vec())));

    a.publish(Hint::Session(KEY)).await.unwrap();
    assert_eq!(hears(&mut of_a).await, Some(Hint::Session(KEY)));
    assert_eq!(hears(&mut of_b).await, None);
    assert_eq!(hears(&mut of_none).await, None);
    without.publish(Hint::Something).await.unwrap();
    assert_eq!(hears(&mut of_none).await, Some(Hint::Something));
    assert_eq!(hears(&mut of_a).await, None);

    // Emptied by one, empty for all: a miss, and no error.
    assert_eq!(redis.command(&["FLUSHDB"]).trim(), "OK");
    for cache in [&a, &b, &without] {
        assert_eq!(cache.get(&KEY).await, Ok(None));
        cache.put(&KEY, b"new".to_vec(), LIFE).await.unwrap();
    }
    let names = redis.command(&["KEYS", "*"]);
    let digest = "07".repeat(32);
    for prefix in ["a:", "b:", ""] {
        let name = format!("{prefix}sidgate:1:{digest}");
        assert!(names.lines().any(|line| line == name), "{name}: {names}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_access_list_keeps_from_us_is_named() {
    let redis = TestRedis::start();
    let all = "-@all +get +set +unlink +publish +subscribe";
    let denied = async |rights: &str| {
        RedisUser::new("gw", rights).enter(&redis);
        let url = redis.url().replace("redis://", "redis://gw:gw@");
        fleet(url, "a:").await.denied().await
    };

    let right = format!("~a:sidgate:1:* &a:sidgate:1:hint {all}");
    let found = denied(&right).await;
    assert!(found.is_empty(), "{found:?}");

    for (command, name) in [
        ("-get", "GET"),
        ("-set", "SET"),
        ("-unlink", "UNLINK"),
        ("-publish", "PUBLISH"),
        ("-subscribe", "SUBSCRIBE"),
    ] {
        let found = denied(&format!("{right} {command}")).await;
        assert_eq!(found.len(), 1, "{command}");
        assert_eq!(found[0].commands, [name]);
        assert!(!found[0].keys && !found[0].channel, "{found:?}");
    }
    let found = denied(&format!("~b:sidgate:1:* &b:sidgate:1:hint {all}")).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].keys && found[0].channel && found[0].commands.is_empty());

    // Asking has written nothing.
    assert_eq!(redis.command(&["DBSIZE"]).trim(), "0");
}
