use proptest::prelude::*;
use serde_json::json;

use super::*;

fn allowed(path: &str, values: &[&str]) -> Allowed {
    Allowed {
        field: IdentityField::parse(path).unwrap(),
        values: values.iter().map(|&value| value.to_owned()).collect(),
    }
}

#[test]
fn a_value_of_any_type_is_compared_as_text() {
    let identity = json!({
        "user": {"id": "7"},
        "tenant_id": "t1",
        "attributes": {
            "role": "admin", "roles": ["staff", "ops"], "level": 3, "paid": true, "none": null,
            "nested": {"deep": ["x"]}, "empty": [], "lists": [["a"], 4, null, "3"],
        },
    });
    let cases = [
        ("attributes.role", "admin", true),
        ("attributes.role", "Admin", false),
        ("attributes.role", "adm", false),
        ("attributes.roles", "ops", true),
        ("attributes.roles", "admin", false),
        ("attributes.roles", "[\"staff\",\"ops\"]", false),
        ("attributes.level", "3", true),
        ("attributes.level", "3.0", false),
        ("attributes.paid", "true", true),
        ("attributes.none", "null", false),
        ("attributes.absent", "", false),
        ("attributes.empty", "", false),
        ("attributes.nested.deep", "x", true),
        ("attributes.nested", "{\"deep\":[\"x\"]}", true),
        ("attributes.lists", "[\"a\"]", true),
        ("attributes.lists", "a", false),
        ("attributes.lists", "4", true),
        ("tenant_id", "t1", true),
        ("user.id", "7", true),
    ];
    for (path, value, expected) in cases {
        let is_met = allowed(path, &[value]).is_met(&identity);
        assert_eq!(is_met, expected, "{path} {value}");
        let one_of = allowed(path, &["other", value]).is_met(&identity);
        assert_eq!(one_of, expected, "{path} {value}, one of two");
    }
    assert!(!allowed("attributes.role", &[]).is_met(&identity));
}

proptest! {
    /// Whoever is let in has the very value that was listed.
    #[test]
    fn nothing_but_a_listed_value_gets_through(role in ".{0,6}", listed in prop::collection::vec(".{0,6}", 0..4)) {
        let values: Vec<&str> = listed.iter().map(String::as_str).collect();
        let identity = json!({"attributes": {"role": role}});
        let is_met = allowed("attributes.role", &values).is_met(&identity);
        prop_assert_eq!(is_met, listed.contains(&role));
    }
}
