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
fn one_wrong_event_refuses_them_all() {
    let wrong = [
        json!([]),
        json!({}),
        json!([{"type": "login"}]),
        json!([{"type": "login", "identity": {"user": {"id": 7}}}]),
        json!([{"type": "login", "identity": {"user": {"id": "7"}}, "ttl": 0}]),
        json!([{"type": "login", "identity": {"user": {"id": "7"}}, "ttl": -1}]),
        json!([{"type": "logout"}]),
        json!([{"type": "logout", "scope": "everybody"}]),
        json!([{"type": "rotate"}, {"type": "unheard-of"}]),
        json!([{"type": "update", "identity": {"usr": {}}}]),
        json!(vec![json!({"type": "rotate"}); 9]),
    ];
    for events in wrong {
        assert_eq!(
            SessionEvent::parse_all(events.clone()),
            Err(TokenRefused::Shape),
            "{events}"
        );
    }
}
