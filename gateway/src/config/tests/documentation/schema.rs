//! `config schema`: every key, with what the parser and the page say about it.

use serde_json::{Value, json};

use super::super::super::Config;
use super::{catalog, rows};

/// The schema of a key, by its path.
fn of<'s>(schema: &'s Value, model: &str) -> &'s Value {
    model.split('.').fold(schema, |node, segment| {
        assert_eq!(node["type"], "object", "{model}");
        match segment.strip_suffix("[]") {
            Some(list) => &node["properties"][list]["items"],
            None if segment == "NAME" => &node["additionalProperties"],
            None => &node["properties"][segment],
        }
    })
}

#[test]
fn every_key_is_in_the_schema_with_its_words() {
    let schema = Config::schema();
    for (key, row) in rows() {
        let found = of(&schema, &key);
        assert_eq!(found["x-type"], row.kind, "{key}");
        assert_eq!(found["x-reload"], row.reload, "{key}");
        assert_eq!(
            found.get("default").is_some(),
            row.default.is_some(),
            "{key}"
        );
        let description = found["description"].as_str().expect("a text");
        assert!(
            !description.is_empty() && !description.contains("]("),
            "{key}: {description}"
        );
    }
}

#[test]
fn a_table_takes_no_other_keys() {
    let schema = Config::schema();
    for table in catalog().tables {
        let names = [
            "upstreams",
            "session.tenants",
            "identity.headers",
            "routes[].allow",
            "routes[].response_headers",
            "telemetry.headers",
        ];
        let takes_names = names.contains(&table.model.as_str());
        if !table.model.is_empty() && !takes_names {
            assert_eq!(
                of(&schema, &table.model)["additionalProperties"],
                false,
                "{}",
                table.model
            );
        }
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn bounds_and_words_are_those_of_the_parser() {
    let schema = Config::schema();
    let threads = of(&schema, "server.threads");
    assert_eq!(
        (&threads["minimum"], &threads["maximum"]),
        (&json!(0), &json!(1024))
    );
    let body = of(&schema, "edge.max_body_bytes");
    assert_eq!(body["type"], json!(["integer", "string"]));
    assert_eq!(body["default"], 10_485_760);
    let session = of(&schema, "routes[].session");
    assert_eq!(
        session["anyOf"][0]["enum"],
        json!(["none", "optional", "required"])
    );
    assert_eq!(of(&schema, "routes[]")["required"], json!(["path"]));
    assert_eq!(
        of(&schema, "server.tls.certificates[]")["required"],
        json!(["cert", "key"])
    );
    // An app behind an edge may have none.
    assert_eq!(of(&schema, "upstreams.NAME").get("required"), None);
    // Either a pair or a list.
    assert_eq!(of(&schema, "server.tls").get("required"), None);
    assert_eq!(schema["required"], json!(["backend"]));
    assert_eq!(schema["properties"]["server"].get("required"), None);
}
