//! Durations, numbers and connection URLs: the accepted and the refused forms beside each other.

use std::time::Duration;

use super::super::RedisTopology;
use super::super::duration::{ms, secs, show, within};
use super::{Place, refuses, with};
use proptest::prelude::*;

#[test]
fn durations() {
    for (text, wanted) in [
        ("500ms", ms(500)),
        ("5m", secs(300)),
        ("24h", secs(86_400)),
        ("180d", secs(15_552_000)),
    ] {
        assert_eq!(within(ms(0)..=Duration::MAX)(text), Ok(wanted));
        assert_eq!(show(wanted), if text == "24h" { "1d" } else { text });
    }
    assert_eq!(show(Duration::ZERO), "0s");
    for text in [
        "", "5", "m", "5 m", " 5m", "-5m", "+5m", "5M", "1h30m", "1.5h", "5min", "\u{662}s",
    ] {
        assert!(within(ms(0)..=Duration::MAX)(text).is_err(), "{text:?}");
    }
    assert!(within(ms(0)..=Duration::MAX)("99999999999999999d").is_err());
    refuses("server.drain_timeout", &["61m"]);
    refuses("backend.timeout", &["0s", "61s"]);
    refuses("cache.local_ttl", &["0s", "25h"]);
    refuses("cache.negative_ttl", &["0s", "61s"]);
    refuses("cache.redis_ttl", &["0s", "31m"]);
    refuses(
        "cache.key_prefix",
        &["shop", ":", "{shop}:", "a b:", "sh*p:"],
    );
    refuses("session.absolute_timeout", &["0s", "401d", "1500ms"]);
    refuses("session.idle_timeout", &["0s", "1500ms"]);
    refuses("edge.header_timeout", &["0s", "6m"]);
    refuses("edge.body_timeout", &["0s", "31m"]);
    refuses("edge.write_timeout", &["0s", "31m"]);
    refuses("routes[].max_stale", &["6m"]);
    refuses("migration.tombstone_ttl", &["0s", "3651d"]);
    for key in [
        "connect_timeout",
        "read_timeout",
        "write_timeout",
        "idle_timeout",
    ] {
        refuses(&format!("upstreams.django.{key}"), &["0s", "25h"]);
    }
}

#[test]
fn sizes_and_counts_are_above_zero() {
    for key in [
        "edge.max_header_bytes",
        "edge.max_header_count",
        "edge.max_cookie_bytes",
        "edge.max_body_bytes",
        "cache.local_max_entries",
    ] {
        let fault = &Place::new().bad(&with(key, "0"))[0];
        assert!(
            fault.starts_with(&format!("{key}: must be between 1 and ")),
            "{fault}"
        );
    }
    Place::new().one_fault(
        &with("migration.rollout_percent", "101"),
        "migration.rollout_percent",
        "0 and 100",
    );
}

#[test]
fn sizes_have_a_unit_or_are_bytes() {
    let size = |value: &str| {
        let text = with("cache.local_max_bytes", value);
        Place::new().good(&text).cache.local_max_bytes
    };
    for (value, bytes) in [
        ("1_048_576", 1 << 20),
        ("\"1024KiB\"", 1 << 20),
        ("\"3MiB\"", 3 << 20),
        ("\"1TiB\"", 1 << 40),
    ] {
        assert_eq!(size(value), bytes, "{value}");
    }
    refuses(
        "cache.local_max_bytes",
        &[
            "",
            "MiB",
            "1",
            "1MB",
            "1 MiB",
            "+1MiB",
            "-1MiB",
            "1.5MiB",
            "1023KiB",
            "2TiB",
            "99999999999999999999TiB",
        ],
    );
}

#[test]
fn rates() {
    let config = Place::new().good(&with("login_limits.per_account", "\"7/h\""));
    let rate = config.login_limits.per_account;
    assert_eq!((rate.count.get(), rate.per), (7, secs(3600)));
    refuses(
        "login_limits.per_client",
        &[
            "",
            "20",
            "0/m",
            "/m",
            "20/",
            "20/min",
            "-1/m",
            "+1/m",
            "1.5/m",
            "1000001/d",
            "1500000000/s",
        ],
    );
    Place::new().good(&with("login_limits.per_client", "\"1000000/s\""));
}

#[test]
fn stores() {
    let place = Place::new().file("master.key", super::KEY_A);
    for url in [
        "",
        "sidgate.db",
        "mysql://db",
        "postgres:",
        "postgres://",
        "postgres:db",
        "SQLITE:x",
    ] {
        place.one_fault(
            &with("store.url", &format!("{url:?}")),
            "store.url",
            "is neither",
        );
    }
    for url in [
        "sqlite::memory:",
        "sqlite:file:x?mode=memory",
        "sqlite:x?mode=memory",
    ] {
        place.one_fault(
            &with("store.url", &format!("{url:?}")),
            "store.url",
            "in memory",
        );
    }
    place.one_fault(
        &with("store.url", "\"sqlite:\""),
        "store.url",
        "names no file",
    );
    place.one_fault(
        &with("store.url", "\"sqlite:///x\""),
        "store.url",
        "slashes",
    );
    for url in [
        "sqlite:/var/lib/x.db",
        "sqlite:a/b.db",
        "postgres://db",
        "postgresql://u:p@db:5432/x?sslmode=require",
    ] {
        place.good(&with("store.url", &format!("{url:?}")));
    }
}

/// What the drivers would refuse is refused here, with the rest of the file, and without the password.
#[test]
fn urls_that_no_driver_takes() {
    for (key, url) in [
        ("store.url", "postgres://u:hunter2@h:notaport/db"),
        ("store.url", "postgres://u:hunter2@h/db?sslmode=maybe"),
        ("store.url", "postgres://u:hun@ter2?hunter2=1@h/db"),
        ("cache.redis_url", "redis://:hunter2@h:notaport"),
        ("cache.redis_url", "redis://:hunter2@h:99999"),
        ("cache.redis_url", "redis://:hunter2@h/notanumber"),
        ("cache.redis_url", "redis-sentinel://:hunter2@h:26379"),
    ] {
        let place = Place::new().file("master.key", super::KEY_A);
        let faults = place.bad(&with(key, &format!("{url:?}")));
        assert_eq!(faults.len(), 1, "{url}: {faults:?}");
        assert!(faults[0].starts_with(&format!("{key}: ")), "{faults:?}");
        assert!(!faults[0].contains("ter2"), "{faults:?}");
    }
}

/// A key that belongs to no certificate.
const OTHER_KEY: &str = include_str!("../../../testkit/tls/other.key");

#[test]
fn certificates_and_keys_that_tls_cannot_use() {
    let (cert, key) = (super::CERT, super::KEY);
    for (cert, key, faulty) in [
        ("x", "x", &["server.tls.cert", "server.tls.key"][..]),
        ("", key, &["server.tls.cert"]),
        (key, key, &["server.tls.cert"]),
        (cert, cert, &["server.tls.key"]),
        (cert, OTHER_KEY, &["server.tls.key"]),
    ] {
        let place = Place::new().file("c.pem", cert).file("k.pem", key);
        let text = format!(
            "[server.tls]\ncert = \"c.pem\"\nkey = \"k.pem\"\n{}",
            super::MINIMAL
        );
        let faults = place.bad(&text);
        let keys: Vec<_> = faults
            .iter()
            .filter_map(|fault| fault.split(':').next())
            .collect();
        assert_eq!(keys, faulty, "{faults:?}");
    }
}

#[test]
fn redis_urls() {
    let place = Place::new();
    for (url, topology, tls) in [
        ("redis://cache:6379/0", RedisTopology::Single, false),
        ("rediss://:pw@cache", RedisTopology::Single, true),
        (
            "redis-cluster://a:1?node=b:1",
            RedisTopology::Cluster,
            false,
        ),
        (
            "redis-sentinel://u:p@a:1?sentinelServiceName=x",
            RedisTopology::Sentinel,
            false,
        ),
        (
            "rediss-sentinel://a:1?sentinelServiceName=x",
            RedisTopology::Sentinel,
            true,
        ),
    ] {
        let config = place.good(&with("cache.redis_url", &format!("{url:?}")));
        let redis = config.cache.redis_url.expect("Redis");
        assert_eq!(
            (redis.topology, redis.tls, redis.url.expose()),
            (topology, tls, url)
        );
    }
    let odd = [
        "redis",
        "redis:",
        "redis-x://a",
        "http://a",
        "-cluster://a",
        "redis://",
        "redis://:pw@",
        "redis:///0",
    ];
    refuses("cache.redis_url", &odd);
}

proptest! {
    #[test]
    fn a_duration_reads_as_it_is_shown(millis in 0_u64..10_000_000_000) {
        let duration = ms(millis);
        prop_assert_eq!(within(ms(0)..=Duration::MAX)(&show(duration)), Ok(duration));
    }
}
