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
    assert!(Arc::ptr_eq(
        &old.badge(&entry, &metrics),
        &old.badge(&entry, &metrics)
    ));
}
