use std::time::Duration;

use serde_json::json;
use session_core::clock::{Boot, Timestamp};
use session_core::freshness::Window;
use session_core::keys::MasterKey;
use session_core::session::{Identity, References};
use session_core::sid::SessionKey;
use uuid::Uuid;

use super::*;

/// A configuration that fills `X-Session-Plan` from this field.
fn config(field: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidgate.toml");
    let text = format!(
        r#"
        [identity.headers]
        X-Session-Plan = "{field}"
        [backend]
        upstream = "app"
        [upstreams.app]
        servers = ["127.0.0.1:1"]
        [[routes]]
        path = "/"
        session = "optional"
        upstream = "app"
        "#
    );
    std::fs::write(&file, text).unwrap();
    Config::load(&file, &|_| None).unwrap()
}

fn entry() -> Entry {
    let identity = json!({"user": {"id": "7", "old": "of the old", "new": "of the new"}});
    let (identity, _reference) = Identity::from_value(identity).unwrap();
    let key = SessionKey::from_bytes([1; 32]);
    let standing = Window::default().accept(&key, &identity, 0, Uuid::nil());
    let session = Session {
        key,
        id: Uuid::from_u128(7),
        identity,
        ip: None,
        user_agent: "".into(),
        created_at: Timestamp::from_micros(0),
        auth_time: Timestamp::from_micros(0),
        last_activity: Timestamp::from_micros(0),
        expires_at: Timestamp::from_micros(9_999_999),
        idle: Duration::ZERO,
        revoked: None,
        references: References::default(),
        created_seq: 0,
        version: 1,
        renewed_at: None,
    };
    Entry::new(
        session,
        standing.unwrap(),
        Boot::from_nanos(0),
        Duration::from_secs(60),
    )
}

/// A request that began before a reload and ends after it hangs its badge on an entry that the next requests find.
#[test]
fn badge_of_the_configuration_before_is_not_shown_to_apps_of_the_new_one() {
    let keys = Keyring::new(MasterKey::from_bytes([7; 32]), vec![]);
    let metrics = Metrics::new().unwrap();
    let old = ActiveConfig::new(config("user.old"), &keys, None).unwrap();
    let new = ActiveConfig::new(config("user.new"), &keys, Some(&old)).unwrap();
    let plan = |settings: &ActiveConfig, entry: &Entry| {
        let badge = settings.badge(entry, &metrics);
        let [(_, value)] = badge.attributes.as_slice() else {
            panic!("one attribute: {badge:?}");
        };
        value.to_str().unwrap().to_owned()
    };

    let entry = entry();

    assert_eq!(plan(&old, &entry), "of the old");
    assert_eq!(plan(&new, &entry), "of the new");
    assert_eq!(plan(&old, &entry), "of the old", "to its own end");
    assert!(
        Arc::ptr_eq(&new.badge(&entry, &metrics), &new.badge(&entry, &metrics)),
        "the newer one is kept"
    );
}

/// What is made for a session costs a signature for each app, so it outlives a reload that changes nothing about it.
#[test]
fn badge_outlives_a_reload_under_which_it_looks_the_same() {
    let keys = Keyring::new(MasterKey::from_bytes([7; 32]), vec![]);
    let metrics = Metrics::new().unwrap();
    let (first, mut second) = (config("user.old"), config("user.old"));
    second.edge.max_requests = 77;
    let old = ActiveConfig::new(first, &keys, None).unwrap();
    let new = ActiveConfig::new(second, &keys, Some(&old)).unwrap();

    let entry = entry();

    let before = old.badge(&entry, &metrics);
    assert!(Arc::ptr_eq(&before, &new.badge(&entry, &metrics)));
}

/// The assertion of the backend holds more than that of another app, so none outlives the exchange of the two.
#[test]
fn badge_does_not_outlive_another_backend_or_other_keys() {
    let keys = Keyring::new(MasterKey::from_bytes([7; 32]), vec![]);
    let metrics = Metrics::new().unwrap();
    let old = ActiveConfig::new(config("user.old"), &keys, None).unwrap();
    let mut backend = config("user.old");
    let upstream = crate::config::Upstream {
        name: "other".to_owned(),
        ..(*backend.backend.upstream).clone()
    };
    backend.backend.upstream = Arc::new(upstream);
    let mut previous = config("user.old");
    previous.keys.previous.push(MasterKey::from_bytes([8; 32]));

    for changed in [backend, previous] {
        let entry = entry();
        let before = old.badge(&entry, &metrics);
        let new = ActiveConfig::new(changed, &keys, Some(&old)).unwrap();
        assert!(!Arc::ptr_eq(&before, &new.badge(&entry, &metrics)));
    }
}
