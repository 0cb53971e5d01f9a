use serde_json::json;

use super::*;

fn events(list: Value) -> Vec<SessionEvent> {
    SessionEvent::parse_all(list).unwrap()
}

fn claim() -> IdentityField {
    IdentityField::Attributes(vec!["roles".to_owned(), "operator".to_owned()])
}

#[test]
fn the_app_that_knows_the_users_may_send_everything() {
    let backend = EventPermissions::new(true, None, [&claim()]);
    let all = events(json!([
        {"type": "login", "identity": {"user": {"id": "7"}, "attributes": {"roles": {"operator": true}}, "ref": "r"}},
        {"type": "update", "identity": {"attributes": {"roles": null}}},
        {"type": "ref", "ref": "r"},
        {"type": "rotate"},
        {"type": "logout", "scope": "all"},
    ]));
    assert_eq!(backend.check(&all), Ok(()));
}

#[test]
fn another_app_may_end_and_renew_unless_it_is_told_more() {
    let other = EventPermissions::new(false, None, []);
    let allowed = json!([{"type": "rotate"}, {"type": "logout", "scope": "this"}]);
    assert_eq!(other.check(&events(allowed)), Ok(()));
    for (event, kind) in [
        (
            json!({"type": "login", "identity": {"user": {"id": "9"}}}),
            EventKind::Login,
        ),
        (
            json!({"type": "update", "identity": {"user": {"name": "x"}}}),
            EventKind::Update,
        ),
        (json!({"type": "ref", "ref": "r"}), EventKind::Ref),
        (json!({"type": "ref", "ref": null}), EventKind::Ref),
    ] {
        // What is allowed beside it does not count either.
        let list = events(json!([{"type": "rotate"}, event]));
        assert_eq!(other.check(&list), Err(NotPermitted::Kind(kind)));
    }
    let silent = EventPermissions::new(false, Some(&[]), []);
    assert!(silent.check(&events(json!([{"type": "rotate"}]))).is_err());
    let quiet = EventPermissions::new(true, Some(&[EventKind::Login]), []);
    let out = events(json!([{"type": "logout", "scope": "this"}]));
    assert_eq!(
        quiet.check(&out),
        Err(NotPermitted::Kind(EventKind::Logout)),
        "the configuration of the app that knows the users counts as well"
    );
}

#[test]
fn the_fingerprint_of_the_credentials_is_the_backends() {
    let other = EventPermissions::new(false, Some(EventKind::VARIANTS), []);
    for hash in [json!("h"), Value::Null] {
        let list = events(json!([{"type": "update", "identity": {"auth_hash": hash}}]));
        assert_eq!(other.check(&list), Err(NotPermitted::AuthHash));
        let backend = EventPermissions::new(true, None, []);
        assert_eq!(backend.check(&list), Ok(()));
    }
    let own = json!([{"type": "login", "identity": {"user": {"id": "9"}, "auth_hash": "h"}}]);
    assert_eq!(other.check(&events(own)), Ok(()));
}

#[test]
fn a_reference_within_another_event_is_one() {
    let kinds = [EventKind::Login, EventKind::Update];
    let other = EventPermissions::new(false, Some(&kinds), []);
    for event in [
        json!({"type": "login", "identity": {"user": {"id": "9"}, "ref": "r"}}),
        json!({"type": "update", "identity": {"ref": "r"}}),
        json!({"type": "update", "identity": {"ref": null}}),
    ] {
        let refused = other.check(&events(json!([event])));
        assert_eq!(refused, Err(NotPermitted::Kind(EventKind::Ref)));
    }
}

#[test]
fn only_the_app_that_knows_the_users_makes_operators() {
    let kinds = EventKind::VARIANTS;
    let other = EventPermissions::new(false, Some(kinds), [&claim()]);
    for event in [
        json!({"type": "login", "identity": {"user": {"id": "9"}, "attributes": {"roles": {"operator": true}}}}),
        json!({"type": "login", "identity": {"user": {"id": "9"}, "attributes": {"roles": {"operator": false}}}}),
        json!({"type": "update", "identity": {"attributes": {"roles": {"operator": true}}}}),
        json!({"type": "update", "identity": {"attributes": {"roles": "x"}}}),
        json!({"type": "update", "identity": {"attributes": {"roles": null}}}),
    ] {
        let list = events(json!([event.clone()]));
        assert_eq!(other.check(&list), Err(NotPermitted::Claim), "{event}");
    }
    for event in [
        json!({"type": "login", "identity": {"user": {"id": "9"}, "attributes": {"roles": {"reader": true}}}}),
        json!({"type": "login", "identity": {"user": {"id": "9", "roles": {"operator": true}}}}),
        json!({"type": "update", "identity": {"attributes": {"operator": true}}}),
        json!({"type": "update", "identity": {"user": {"roles": {"operator": true}}}}),
    ] {
        let list = events(json!([event.clone()]));
        assert_eq!(other.check(&list), Ok(()), "{event}");
    }
}

#[test]
fn a_claim_of_the_user_is_guarded_as_well() {
    let claim = IdentityField::User(vec!["staff".to_owned()]);
    let other = EventPermissions::new(false, Some(EventKind::VARIANTS), [&claim]);
    let list = events(json!([{"type": "update", "identity": {"user": {"staff": true}}}]));
    assert_eq!(other.check(&list), Err(NotPermitted::Claim));
}
