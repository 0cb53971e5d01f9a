use http::HeaderValue;

use super::*;

const EVIL: &str = "\"><script>alert('x')</script>&";

fn visitor(claims: Value) -> Visitor {
    match claims {
        Value::Object(claims) => Visitor { claims },
        other => panic!("{other}"),
    }
}

fn evil() -> (Visitor, HeaderMap) {
    let claims = json!({
        "state": "active", "sid": "s", "sub": "1", "email": EVIL, "attrs": {"name": EVIL},
    });
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static(EVIL));
    headers.insert("cookie", HeaderValue::from_static("<b>=secret; plain"));
    (visitor(claims), headers)
}

#[test]
fn nothing_that_was_sent_becomes_markup() {
    let (active, headers) = evil();
    let nobody = visitor(json!({"state": EVIL}));
    for page in [
        home(&active, &headers),
        home(&nobody, &headers),
        account(&active),
        login(EVIL, Some(EVIL)),
        sentence(EVIL),
    ] {
        assert!(!page.contains("<script>"), "{page}");
        assert!(!page.contains("<b>="), "{page}");
        assert!(!page.contains("alert('"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }
}

#[test]
fn cookies_are_shown_by_name_alone() {
    let (active, headers) = evil();
    let said = whoami(&active, &headers);
    assert_eq!(said["headers"]["cookie"], "<b>=…; …");
    assert!(!home(&active, &headers).contains("secret"));
}

#[test]
fn nobody_is_told_what_a_session_would_be() {
    let said = whoami(
        &visitor(json!({"state": "anonymous", "sub": "1"})),
        &HeaderMap::new(),
    );
    assert_eq!(said["user"], Value::Null);
    assert_eq!(said["session"]["state"], "anonymous");
}
