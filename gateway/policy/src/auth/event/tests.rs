use serde_json::json;

use super::*;

#[test]
fn every_documented_event_is_read() {
    let events = SessionEvent::parse_all(json!([
        {"type": "login", "identity": {"user": {"id": "7"}, "ref": "r"}, "ttl": 60},
        {"type": "logout", "scope": "others"},
        {"type": "update", "identity": {"attributes": {"plan": "pro"}}},
        {"type": "rotate"},
        {"type": "ref", "ref": "abc"},
    ]))
    .unwrap();
    assert_eq!(
        events.iter().map(SessionEvent::kind).collect::<Vec<_>>(),
        [
            EventKind::Login,
            EventKind::Logout,
            EventKind::Update,
            EventKind::Rotate,
            EventKind::Ref
        ]
    );
    let SessionEvent::Login(LoginEvent { reference, ttl, .. }) = &events[0] else {
        panic!()
    };
    assert_eq!(
        (reference.as_ref().map(SecretString::expose), *ttl),
        (Some("r"), Some(Duration::from_secs(60)))
    );
    let SessionEvent::Reference(Some(text)) = &events[4] else {
        panic!()
    };
    assert_eq!(text.expose(), "abc");
}

#[test]
fn one_wrong_event_refuses_them_all_and_is_named() {
    let login = |identity: Value| json!([{"type": "login", "identity": identity}]);
    let wrong = [
        (json!([]), "ev must be a list of 1 to 8 events"),
        (json!({}), "ev must be a list of 1 to 8 events"),
        (
            json!(vec![json!({"type": "rotate"}); 9]),
            "ev must be a list of 1 to 8 events",
        ),
        (json!(["rotate"]), "ev[0] must be an object"),
        (json!([{"scope": "all"}]), "ev[0].type is missing"),
        (
            json!([{"type": "rotate"}, {"type": "unheard-of"}]),
            "ev[1].type must be \"login\", \"logout\", \"update\", \"rotate\" or \"ref\"",
        ),
        (
            json!([{"type": "rotate", "now": true}]),
            "ev[0].now is not a documented member",
        ),
        (json!([{"type": "login"}]), "ev[0].identity is missing"),
        (
            json!([{"type": "login", "identity": "s3cret"}]),
            "ev[0].identity must be an object",
        ),
        (
            login(json!({"user": {"id": 7}})),
            "ev[0].identity.user.id must be a string",
        ),
        (
            login(json!({"user": {"id": "7"}, "users": {}})),
            "ev[0].identity.users is not a documented member",
        ),
        (
            json!([{"type": "login", "identity": {"user": {"id": "7"}}, "ttl": 0}]),
            "ev[0].ttl must be a number of seconds, at least 1",
        ),
        (
            json!([{"type": "login", "identity": {"user": {"id": "7"}}, "ttl": -1}]),
            "ev[0].ttl must be a number of seconds, at least 1",
        ),
        (
            json!([{"type": "login", "identity": {"user": {"id": "7"}}, "remember": "s3cret"}]),
            "ev[0].remember must be true or false",
        ),
        (json!([{"type": "logout"}]), "ev[0].scope is missing"),
        (
            json!([{"type": "logout", "scope": "s3cret"}]),
            "ev[0].scope must be \"this\", \"others\" or \"all\"",
        ),
        (
            json!([{"type": "update", "identity": {"usr": {}}}]),
            "ev[0].identity.usr is not a documented member",
        ),
        (
            json!([{"type": "update", "identity": {"tenant_id": 7}}]),
            "ev[0].identity.tenant_id must be a string or null",
        ),
        (
            json!([{"type": "ref", "ref": {"a": "s3cret"}}]),
            "ev[0].ref must be a string or null",
        ),
    ];
    for (events, why) in wrong {
        let refused = SessionEvent::parse_all(events.clone()).unwrap_err();
        assert_eq!(refused.to_string(), why, "{events}");
    }
}

#[test]
fn odd_names_are_not_repeated() {
    for name in ["a\nb", "", "ä", "a b", &"x".repeat(65)] {
        let events = json!([{"type": "rotate", name: 1}]);
        assert_eq!(
            SessionEvent::parse_all(events).unwrap_err().to_string(),
            "ev[0].(a member with an odd name) is not a documented member"
        );
    }
}
