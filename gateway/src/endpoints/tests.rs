use std::collections::BTreeSet;

use serde_json::{Map, Value};
use strum::VariantNames as _;

use super::*;

#[test]
fn only_paths_below_the_base_are_ours() {
    let find = |method, path| Endpoint::find("/api/auth", method, path);
    assert_eq!(find("GET", "/api/auth/session-v2"), Some(Endpoint::Show));
    assert_eq!(find("POST", "/api/auth/session-v2"), Some(Endpoint::Login));
    assert_eq!(
        find("DELETE", "/api/auth/session-v2"),
        Some(Endpoint::Logout)
    );
    assert!(matches!(
        find("PUT", "/api/auth/session-v2"),
        Some(Endpoint::OtherMethod(_))
    ));
    assert_eq!(
        find("GET", "/api/auth/session-v2/"),
        Some(Endpoint::Unknown)
    );
    assert_eq!(find("GET", "/api/auth"), Some(Endpoint::Unknown));
    assert_eq!(find("GET", "/api/auth/"), Some(Endpoint::Unknown));
    assert_eq!(find("GET", "/api/authority"), None);
    assert_eq!(find("GET", "/api"), None);
}

#[test]
fn a_device_has_one_path() {
    let find = |method, path: &str| {
        Endpoint::find("/api/auth", method, &format!("/api/auth{path}")).unwrap()
    };
    let id = "01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b";
    let known = Endpoint::EndDevice(Some(Uuid::try_parse(id).unwrap()));
    assert_eq!(find("DELETE", &format!("/sessions/{id}")), known);
    for other in [&id.to_uppercase(), &id.replace('-', ""), "1", "all"] {
        let found = find("DELETE", &format!("/sessions/{other}"));
        assert_eq!(found, Endpoint::EndDevice(None), "{other}");
    }
    for nothing in ["/sessions/", "/sessions/a/b", "/sessionsx", "/events/"] {
        assert_eq!(find("DELETE", nothing), Endpoint::Unknown, "{nothing}");
    }
    assert_eq!(find("GET", "/sessions/a"), Endpoint::OtherMethod("DELETE"));
    assert_eq!(find("DELETE", "/sessions"), Endpoint::EndDevices);
    assert_eq!(find("GET", "/events"), Endpoint::Events);
}

/// The paths of the document, each with its operations by method.
fn documented() -> Map<String, Value> {
    let mut document: Value = serde_json::from_str(OPENAPI).unwrap();
    match document["paths"].take() {
        Value::Object(paths) => paths,
        other => panic!("{other}"),
    }
}

#[test]
fn the_document_has_every_endpoint_and_every_method_of_it() {
    let mut found = BTreeSet::from(["OtherMethod", "Unknown"]);
    for (path, operations) in documented() {
        let path = format!("/x{}", path.replace("{id}", &Uuid::nil().to_string()));
        for method in ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"] {
            let endpoint = Endpoint::find("/x", method, &path).unwrap();
            match operations.get(method.to_lowercase()) {
                Some(operation) => {
                    let name: &str = endpoint.into();
                    assert_eq!(operation["operationId"], name, "{method} {path}");
                    found.insert(name);
                }
                None => assert!(
                    matches!(endpoint, Endpoint::OtherMethod(_)),
                    "{method} {path}"
                ),
            }
        }
    }
    assert_eq!(found, Endpoint::VARIANTS.iter().copied().collect());
}

#[test]
fn the_codes_of_an_operation_come_with_its_statuses() {
    let known: Value = serde_json::from_str(OPENAPI).unwrap();
    for document in [OPENAPI, crate::admin::OPENAPI] {
        let document: Value = serde_json::from_str(document).unwrap();
        let paths = document["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().values());
        let mut codes = 0;
        for (status, response) in
            operations.flat_map(|operation| operation["responses"].as_object().unwrap())
        {
            let shared = response["$ref"]
                .as_str()
                .map(|at| document.pointer(&at[1..]).unwrap());
            let named = shared.unwrap_or(response)["x-codes"].as_array();
            for code in named.into_iter().flatten() {
                let statuses = known["x-codes"][code.as_str().unwrap()]["status"].as_array();
                let status: u16 = status.parse().unwrap();
                assert!(
                    statuses.unwrap().contains(&status.into()),
                    "{status} {code}"
                );
                codes += 1;
            }
        }
        assert!(codes > 30);
    }
}
