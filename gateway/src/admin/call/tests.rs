use std::collections::BTreeSet;

use proptest::prelude::*;
use strum::VariantNames as _;

use super::*;
use crate::answer::Answer;

#[test]
fn each_path_of_the_document_is_a_call_and_nothing_else_is() {
    let document: serde_json::Value = serde_json::from_str(super::super::api::OPENAPI).unwrap();
    let paths = document["paths"].as_object().unwrap();
    // A page of the dashboard is for browsers, and the listener has paths beside the API.
    let mut found = BTreeSet::from(["OtherMethod", "Page", "Unknown"]);
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with(BASE)) {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace("{id}", "01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b");
            let call = Call::find(&method.to_uppercase(), &path).unwrap();
            let known = !matches!(call, Call::Unknown | Call::OtherMethod(_));
            assert!(known, "{method} {path} is documented: {call:?}");
            found.insert(call.into());
        }
    }
    assert_eq!(found, Call::VARIANTS.iter().copied().collect());
}

#[test]
fn paths_and_methods() {
    assert_eq!(Call::find("GET", "/api/administration"), None);
    assert_eq!(Call::find("GET", "/api/admin"), Some(Call::Unknown));
    assert_eq!(Call::find("GET", "/api/admin/"), Some(Call::Unknown));
    assert_eq!(
        Call::find("GET", "/api/admin/sessions/"),
        Some(Call::Unknown)
    );
    assert_eq!(
        Call::find("GET", "/api/admin/sessions/x"),
        Some(Call::Show(None))
    );
    assert_eq!(
        Call::find("HEAD", "/api/admin/sessions"),
        Some(Call::Search)
    );
    for path in [
        "/api/admin/sessions",
        "/api/admin/nodes",
        "/api/admin/sessions/x",
    ] {
        assert_eq!(
            Call::find("DELETE", path),
            Some(Call::OtherMethod("GET, HEAD"))
        );
    }
    for path in ["/api/admin/revocations", "/api/admin/explain"] {
        assert_eq!(
            Call::find("GET", path),
            Some(Call::OtherMethod("POST")),
            "{path}"
        );
    }
}

#[test]
fn searches() {
    let found = search("user=a%2Fb&ip=2001:db8::1&limit=5").unwrap();
    assert_eq!(found.user_id.as_deref(), Some("a/b"));
    assert_eq!(found.ip, "2001:db8::1".parse().ok());
    assert_eq!((found.limit, found.tenant_id), (5, None));
    assert_eq!(search("").unwrap().limit, PAGE);
    for bad in [
        "user=",
        "user=a%20b",
        "user=a&user=b",
        "ip=x",
        "limit=0",
        "limit=1001",
        "after=1",
        "users=7",
    ] {
        assert_eq!(Answer::from(search(bad).unwrap_err()).status, 400, "{bad}");
    }
}

#[test]
fn a_revocation_names_exactly_one_thing() {
    let id = "01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b";
    let one = revocation(format!(r#"{{"id":"{id}","reason":"lost phone"}}"#).as_bytes()).unwrap();
    assert!(matches!(one.scope, Scope::Handle { user_id: None, .. }));
    assert_eq!((one.reason.as_str(), one.wait), ("lost phone", Wait::All));
    let all = revocation(br#"{"all":true,"wait":"none"}"#).unwrap();
    assert_eq!((all.scope, all.wait), (Scope::All, Wait::None));
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"all":false}"#,
        r#"{"user":""}"#,
        r#"{"user":"7","tenant":"t"}"#,
        r#"{"user":"7","all":true}"#,
        r#"{"id":"7"}"#,
        r#"{"user":7}"#,
        r#"{"all":true,"user":null}"#,
        r#"{"all":true,"tenant":null}"#,
        r#"{"user":"7","wait":"some"}"#,
        r#"{"user":"7","extra":1}"#,
        "{\"user\":\"7\",\"reason\":\"a\\nb\"}",
    ] {
        assert_eq!(
            Answer::from(revocation(bad.as_bytes()).unwrap_err()).status,
            400,
            "{bad}"
        );
    }
    let long = format!(r#"{{"user":"7","reason":"{}"}}"#, "x".repeat(201));
    assert!(revocation(long.as_bytes()).is_err());
}

/// What needs permission has one spelling, and only `POST /revocations` changes anything.
#[test]
fn no_path_is_a_call_in_another_spelling() {
    let pieces = [
        "/",
        "//",
        "/api",
        "/api/admin",
        "sessions",
        "/revocations",
        "/nodes",
        "/stats",
        "..",
        "%2f",
        "%73",
        ";",
        "?",
        "#",
        " ",
        "A",
        "0",
        "-",
        "01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b",
        "\0",
    ];
    sidgate_testkit::corpus::holds("admin-call", 2048, &pieces, |bytes| {
        let line = String::from_utf8_lossy(bytes);
        let (method, path) = line.split_once(' ').unwrap_or(("GET", &line));
        let below = path == BASE
            || path
                .strip_prefix(BASE)
                .is_some_and(|rest| rest.starts_with('/'));
        let call = Call::find(method, path);
        prop_assert_eq!(call.is_some(), below);
        let rest = path.strip_prefix(BASE).unwrap_or_default();
        match call {
            Some(Call::Revoke) => prop_assert_eq!((method, rest), ("POST", "/revocations")),
            Some(Call::Search) => prop_assert_eq!(rest, "/sessions"),
            Some(Call::Nodes) => prop_assert_eq!(rest, "/nodes"),
            Some(Call::Stats) => prop_assert_eq!(rest, "/stats"),
            Some(Call::Show(id)) => {
                let text = rest.strip_prefix("/sessions/").unwrap_or_default();
                prop_assert!(!text.contains('/') && id == text.parse().ok());
            }
            _ => {}
        }
        if let Some(Call::Search | Call::Show(_) | Call::Nodes | Call::Stats | Call::Page(_)) = call
        {
            prop_assert!(matches!(method, "GET" | "HEAD"));
        }
        Ok(())
    });
}
