//! Redis over TLS with an authority of the house: one server, a cluster, sentinels, and a certificate of our own.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use session_core::cache::SharedCache;
use session_core::cache::redis::{RedisCache, RedisOptions};
use session_core::secret::SecretString;
use session_core::sid::SessionKey;
use session_core::trust::Trust;
use session_testing::{TestAuthority, TestRedisTls, Validity};

const KEY: SessionKey = SessionKey::from_bytes([7; 32]);

async fn serves(redis: &TestRedisTls, trust: Trust) {
    let options = RedisOptions {
        trust,
        command_timeout: Duration::from_secs(1),
        ..RedisOptions::default()
    };
    let cache = RedisCache::connect(&SecretString::new(redis.url()), options).unwrap();
    let connected = cache.first_connection(Duration::from_secs(5)).await;
    assert_eq!(connected, Ok(()), "{}", redis.url());
    let life = Duration::from_secs(60);
    cache.put(&KEY, b"value".to_vec(), life).await.unwrap();
    assert_eq!(cache.get(&KEY).await, Ok(Some(b"value".to_vec())));
    // A machine that is busy may miss the second in which the own message has to arrive.
    let mut tries = 0;
    while let Err(missed) = cache.listen().await {
        tries += 1;
        assert!(tries < 10, "{}: {missed}", redis.url());
    }
}

fn trusting(authority: &TestAuthority) -> Trust {
    let pem = std::fs::read(authority.certificate()).unwrap();
    Trust::default().and_authorities(&pem).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_arrangement_is_believed_by_the_authority_of_the_house() {
    let authority = TestAuthority::new();
    let (shown, ca) = (authority.server(), authority.certificate());
    serves(
        &TestRedisTls::start(&shown, &ca, false),
        trusting(&authority),
    )
    .await;
    serves(&TestRedisTls::cluster(&shown, &ca), trusting(&authority)).await;
    serves(
        &TestRedisTls::behind_a_sentinel(&shown, &ca),
        trusting(&authority),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_certificate_is_shown_ours() {
    let authority = TestAuthority::new();
    let (shown, ca) = (authority.server(), authority.certificate());
    let ours = authority.issue("gw", "DNS:gw", Validity::Now);
    let (cert, key) = ours.texts();
    let trust = trusting(&authority)
        .and_shows(cert.as_bytes(), key.as_bytes())
        .unwrap();
    serves(&TestRedisTls::start(&shown, &ca, true), trust).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_in_every_arrangement_with_the_reason() {
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    let (shown, ca) = (authority.server(), authority.certificate());
    for redis in [
        TestRedisTls::start(&shown, &ca, false),
        TestRedisTls::cluster(&shown, &ca),
        TestRedisTls::behind_a_sentinel(&shown, &ca),
    ] {
        let options = RedisOptions {
            trust: trusting(&other),
            ..RedisOptions::default()
        };
        let cache = RedisCache::connect(&SecretString::new(redis.url()), options).unwrap();
        let refused = cache.first_connection(Duration::from_secs(2)).await;
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains(
                "of an unknown authority (one of that name has another key); see cache.ca"
            ),
            "{}: {refused}",
            redis.url()
        );
    }
}
