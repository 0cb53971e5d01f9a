use super::*;

fn shown(name: &str) -> String {
    Identifier::of_role(name).unwrap().to_string()
}

#[test]
fn a_name_is_one_identifier_whatever_it_holds() {
    for (name, sql) in [
        ("gw", "\"gw\""),
        ("Gateway 1", "\"Gateway 1\""),
        (
            "gw\"; DROP TABLE users; --",
            "\"gw\"\"; DROP TABLE users; --\"",
        ),
        ("\"\"", "\"\"\"\"\"\""),
        ("a\nb", "\"a\nb\""),
        ("PUBLIC", "\"PUBLIC\""),
        ("current_user", "\"current_user\""),
        ("\\", "\"\\\""),
    ] {
        assert_eq!(shown(name), sql);
    }
}

#[test]
fn what_would_be_somebody_else_is_refused() {
    let refused = |name: &str| Identifier::of_role(name).unwrap_err();
    assert_eq!(refused(""), BadIdentifier::Empty);
    assert_eq!(refused("public"), BadIdentifier::Everybody);
    assert_eq!(refused("none"), BadIdentifier::Everybody);
    assert_eq!(refused("a\0b"), BadIdentifier::Zero);
    assert_eq!(refused(&"ü".repeat(32)), BadIdentifier::Long);
    shown(&"ü".repeat(31));
}

#[test]
fn each_thing_has_one_statement() {
    let schema = Identifier::new("Side Gate").unwrap();
    let role = Identifier::of_role("gw").unwrap();
    let grants = grants(&schema, &role);
    let lines: Vec<String> = grants.iter().map(Grant::to_string).collect();
    for expected in [
        "GRANT USAGE ON SCHEMA \"Side Gate\" TO \"gw\"",
        "GRANT SELECT, DELETE ON \"Side Gate\".sidgate_event TO \"gw\"",
        "GRANT SELECT, INSERT, UPDATE (applied, seen_at), DELETE ON \"Side Gate\".sidgate_node TO \"gw\"",
        "GRANT EXECUTE ON FUNCTION \"Side Gate\".sidgate_current_key(bytea) TO \"gw\"",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{lines:#?}");
    }
    assert_eq!(lines.len(), 16);
}
