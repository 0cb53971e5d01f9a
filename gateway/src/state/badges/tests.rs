use std::time::Duration;

use serde_json::json;
use session_core::cache::Tier;
use session_core::clock::{Boot, Timestamp};
use session_core::freshness::Window;
use session_core::keys::{Keyring, MasterKey};
use session_core::session::{Group, Identity, References, Session, SiteName};
use session_core::sid::SessionKey;
use uuid::Uuid;

use super::*;
use crate::config::Config;

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
    entry_of(1)
}

fn entry_of(number: u8) -> Entry {
    entry_at([number, 0])
}

fn entry_at([high, low]: [u8; 2]) -> Entry {
    let identity = json!({"user": {"id": "7", "old": "of the old", "new": "of the new"}});
    let (identity, _reference) = Identity::from_value(identity).unwrap();
    let mut key = [1; 32];
    (key[0], key[1]) = (high, low);
    let key = SessionKey::from_bytes(key);
    let standing = Window::default().accept(&key, &identity, 0, Uuid::nil());
    let session = Session {
        group: Group::default(),
        site: SiteName::default(),
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

fn active(entry: Arc<Entry>) -> Active {
    Active {
        entry,
        tier: Tier::Local,
        stale: None,
    }
}

/// What is under test, with an app of one configuration after the other.
struct Stage {
    badges: Badges,
    metrics: Metrics,
    keys: Keyring,
}

impl Stage {
    fn new() -> Self {
        Self {
            badges: Badges::new(1 << 20),
            metrics: Metrics::new().unwrap(),
            keys: Keyring::new(MasterKey::from_bytes([7; 32]), vec![]),
        }
    }

    fn reloaded(&self, config: Config, before: Option<&ActiveConfig>) -> ActiveConfig {
        ActiveConfig::new(config, &self.keys, before).unwrap()
    }

    fn at(&self, settings: &ActiveConfig, active: &Active, now: i64) -> Arc<Badge> {
        let app = settings.app("app").unwrap();
        let of = self
            .badges
            .of((settings, &self.metrics), (app, 0), active, now);
        of.unwrap()
    }

    fn badge(&self, settings: &ActiveConfig, active: &Active) -> Arc<Badge> {
        self.at(settings, active, 1_000)
    }
}

#[test]
fn a_badge_is_made_once_for_as_long_as_it_may_be_shown() {
    let stage = Stage::new();
    let settings = stage.reloaded(config("user.old"), None);
    let active = active(Arc::new(entry()));
    let first = stage.at(&settings, &active, 1_000);
    assert!(Arc::ptr_eq(&first, &stage.at(&settings, &active, 1_044)));
    assert!(!Arc::ptr_eq(&first, &stage.at(&settings, &active, 1_045)));
}

/// The key of a session stays the same when an app changes what it says about the user.
#[test]
fn a_badge_is_not_shown_for_a_newer_entry_of_the_same_session() {
    let stage = Stage::new();
    let settings = stage.reloaded(config("user.old"), None);
    let before = stage.badge(&settings, &active(Arc::new(entry())));
    let after = active(Arc::new(entry()));
    assert!(!Arc::ptr_eq(&before, &stage.badge(&settings, &after)));
}

#[test]
fn how_old_a_state_is_is_said_anew_each_time() {
    let stage = Stage::new();
    let settings = stage.reloaded(config("user.old"), None);
    let live = active(Arc::new(entry()));
    let kept = stage.badge(&settings, &live);
    let stale = Active {
        stale: Some(Duration::from_secs(3)),
        ..live.clone()
    };
    let [first, second] = [(); 2].map(|()| stage.badge(&settings, &stale));
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&kept, &stage.badge(&settings, &live)));
}

#[test]
fn what_nobody_may_be_shown_any_more_is_swept() {
    let stage = Stage::new();
    let settings = stage.reloaded(config("user.old"), None);
    let (ended, old) = (active(Arc::new(entry())), active(Arc::new(entry_of(2))));
    stage.at(&settings, &ended, 1_030);
    stage.at(&settings, &old, 1_000);
    stage.badges.sweep(1_044);
    assert_eq!(stage.badges.0.len(), 2);
    stage.badges.sweep(1_045);
    assert_eq!(stage.badges.0.len(), 1, "one is too old");
    drop(ended);
    stage.badges.sweep(1_045);
    assert!(stage.badges.0.is_empty(), "one is of an entry that is gone");
}

#[test]
fn however_many_are_in_use_they_take_no_more_room_than_there_is() {
    let stage = Stage::new();
    let settings = stage.reloaded(config("user.old"), None);
    let entries: Vec<Active> = (0..=u8::MAX)
        .flat_map(|high| (0..16).map(move |low| [high, low]))
        .map(|[high, low]| active(Arc::new(entry_at([high, low]))))
        .collect();
    for entry in &entries {
        stage.badge(&settings, entry);
        assert!(stage.badges.0.weight() <= 1 << 20);
    }
    assert!(
        stage.badges.0.len() > 100,
        "{} have room",
        stage.badges.0.len()
    );
}

/// A request that began before a reload and ends after it makes a badge that the next requests do not find.
#[test]
fn badge_of_the_configuration_before_is_not_shown_to_apps_of_the_new_one() {
    let stage = Stage::new();
    let old = stage.reloaded(config("user.old"), None);
    let new = stage.reloaded(config("user.new"), Some(&old));
    let active = active(Arc::new(entry()));
    let plan = |settings: &ActiveConfig| {
        let badge = stage.badge(settings, &active);
        let (_, value) = badge.fields.last().unwrap();
        value.to_str().unwrap().to_owned()
    };

    assert_eq!(plan(&old), "of the old");
    assert_eq!(plan(&new), "of the new");
    assert_eq!(plan(&old), "of the old", "to its own end");
    assert!(
        Arc::ptr_eq(&stage.badge(&new, &active), &stage.badge(&new, &active)),
        "the newer one is kept"
    );
}

/// What is made for a session costs a signature for each app, so it outlives a reload that changes nothing about it.
#[test]
fn badge_outlives_a_reload_under_which_it_looks_the_same() {
    let stage = Stage::new();
    let (first, mut second) = (config("user.old"), config("user.old"));
    second.edge.max_requests = 77;
    let old = stage.reloaded(first, None);
    let new = stage.reloaded(second, Some(&old));
    let active = active(Arc::new(entry()));

    let before = stage.badge(&old, &active);
    assert!(Arc::ptr_eq(&before, &stage.badge(&new, &active)));
}

/// The assertion of the backend holds more than that of another app, so none outlives the exchange of the two.
#[test]
fn badge_does_not_outlive_another_backend_or_other_keys() {
    let stage = Stage::new();
    let old = stage.reloaded(config("user.old"), None);
    let mut backend = config("user.old");
    let upstream = crate::config::Upstream {
        name: "other".to_owned(),
        ..(*backend.backend.upstream).clone()
    };
    backend.backend.upstream = Arc::new(upstream);
    let mut previous = config("user.old");
    previous.keys.previous.push(MasterKey::from_bytes([8; 32]));

    let active = active(Arc::new(entry()));
    let before = stage.badge(&old, &active);
    for changed in [backend, previous] {
        let new = stage.reloaded(changed, Some(&old));
        assert!(!Arc::ptr_eq(&before, &stage.badge(&new, &active)));
    }
}
