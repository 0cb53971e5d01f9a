use std::io::{Read, Write};
use std::net::TcpStream;

use session_testing::TestRedis;
use tokio::time::timeout;

use super::*;
use crate::cache::SharedCache;
use crate::cache::redis::RedisOptions;
use crate::secret::SecretString;
use crate::sid::SessionKey;

const KEY: SessionKey = SessionKey::from_bytes([0x5a; 32]);
const AT_ONCE: Duration = Duration::from_secs(1);
const A_WHILE: Duration = Duration::from_millis(200);

async fn connect(url: String) -> RedisCache {
    let cache = RedisCache::connect(&SecretString::new(url), RedisOptions::default()).unwrap();
    // fred connects in the background.
    for _ in 0..200 {
        if cache.get(&KEY).await.is_ok() {
            return cache;
        }
        time::sleep(Duration::from_millis(10)).await;
    }
    panic!("Redis answers");
}

async fn listen(cache: &RedisCache) -> Box<dyn HintStream> {
    cache.listen().await.unwrap().unwrap()
}

async fn hint(hints: &mut Box<dyn HintStream>) -> Hint {
    let heard = timeout(AT_ONCE, hints.next()).await;
    heard.expect("a hint comes at once").unwrap()
}

async fn assert_silent(hints: &mut Box<dyn HintStream>) {
    let heard = timeout(A_WHILE, hints.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// Sends a line and waits for an answer.
fn redis_does(redis: &TestRedis, line: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).unwrap();
    assert!(read > 0 && answer[0] != b'-', "{line}");
}

#[tokio::test]
async fn what_one_node_publishes_the_others_hear() {
    let redis = TestRedis::start();
    let (here, there) = (connect(redis.url()).await, connect(redis.url()).await);
    let mut hints = listen(&there).await;
    for said in [Hint::Session(KEY), Hint::Something] {
        here.publish(said).await.unwrap();
        assert_eq!(hint(&mut hints).await, said);
    }
    let _another = listen(&here).await;
    assert_silent(&mut hints).await;
}

#[tokio::test]
async fn what_is_not_a_key_says_nothing() {
    let redis = TestRedis::start();
    let cache = connect(redis.url()).await;
    let mut hints = listen(&cache).await;
    let key = payload(Hint::Session(KEY));
    for said in [
        "",
        "5a",
        &key[1..],
        &format!("{key}0"),
        &key.replace('5', "z"),
    ] {
        cache.say(said.to_owned()).await.unwrap();
        assert_eq!(hint(&mut hints).await, Hint::Something, "{said}");
    }
    redis_does(&redis, r#"PUBLISH sidgate:1:hint "\xff\xfe""#);
    assert_eq!(hint(&mut hints).await, Hint::Something);
    redis_does(&redis, &format!("PUBLISH sidgate:1:other {key}"));
    assert_silent(&mut hints).await;
}

#[tokio::test]
async fn a_reader_that_falls_behind_hears_that_something_happened() {
    let redis = TestRedis::start();
    let cache = connect(redis.url()).await;
    let mut hints = listen(&cache).await;
    for _ in 0..3 * BUFFER {
        cache.publish(Hint::Session(KEY)).await.unwrap();
    }
    time::sleep(A_WHILE).await;
    assert_eq!(hint(&mut hints).await, Hint::Something);
    for _ in 0..BUFFER {
        assert_eq!(hint(&mut hints).await, Hint::Session(KEY));
    }
    assert_silent(&mut hints).await;
    cache.publish(Hint::Something).await.unwrap();
    assert_eq!(hint(&mut hints).await, Hint::Something, "and goes on");
}

#[tokio::test]
async fn a_channel_ends_with_its_connection_and_another_can_be_opened() {
    let mut redis = TestRedis::start();
    let cache = connect(redis.url()).await;
    let mut hints = listen(&cache).await;
    redis.stop();
    let heard = timeout(AT_ONCE, hints.next()).await.expect("at once");
    assert!(
        matches!(
            heard,
            Err(HintError::Broken {
                kind: "unavailable",
                ..
            })
        ),
        "{heard:?}"
    );
    let down = timeout(AT_ONCE * 2, cache.listen()).await.expect("it ends");
    assert!(matches!(
        down,
        Err(HintError::Broken {
            kind: "unavailable",
            ..
        })
    ));
    redis.restart();
    let mut hints = loop {
        match cache.listen().await {
            Ok(hints) => break hints.unwrap(),
            Err(_not_yet) => time::sleep(Duration::from_millis(50)).await,
        }
    };
    cache.publish(Hint::Something).await.unwrap();
    assert_eq!(hint(&mut hints).await, Hint::Something);
}

#[tokio::test]
async fn a_server_that_went_away_without_a_word_is_noticed() {
    let redis = TestRedis::start();
    let cache = connect(redis.url()).await;
    let mut hints = listen(&cache).await;
    redis.pause();
    time::pause();
    let heard = timeout(TEST_EVERY * 2, hints.next())
        .await
        .expect("it is noticed");
    assert!(heard.is_err(), "{heard:?}");
    redis.resume();
}

#[tokio::test]
async fn a_subscription_that_was_refused_is_noticed() {
    let redis = TestRedis::start();
    redis_does(&redis, "ACL SETUSER deaf on >secret ~* &* +@all -subscribe");
    let url = redis.url().replace("redis://", "redis://deaf:secret@");
    let cache = connect(url).await;
    let refused = timeout(AT_ONCE * 3, cache.listen()).await.expect("it ends");
    let Err(refused) = refused else {
        panic!("nothing arrives");
    };
    assert!(matches!(refused, HintError::Swallowed), "{refused:?}");
}

#[tokio::test]
async fn a_closed_channel_leaves_no_connection() {
    let redis = TestRedis::start();
    let cache = connect(redis.url()).await;
    for _ in 0..3 {
        drop(listen(&cache).await);
    }
    time::sleep(A_WHILE).await;
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream
        .write_all(b"PUBSUB NUMSUB sidgate:1:hint\r\n")
        .unwrap();
    let mut answer = [0; 256];
    let read = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.contains(":0\r\n"), "{answer}");
}
