//! Keys of a route that are wrong, alone or together.

use super::Place;

const APP: &str = "upstream = \"app\"";
const TO: &str = "redirect = { to = \"/x\" }";

/// A route with these keys has one fault, of this key.
#[track_caller]
fn refused(keys: &str, key: &str, why: &str) {
    let text = format!(
        "[backend]\nupstream = \"app\"\n[upstreams.app]\nservers = [\"h:1\"]\n\
         [[routes]]\npath = \"/a\"\n{keys}\n"
    );
    Place::new().one_fault(&text, &format!("routes[0].{key}"), why);
}

#[test]
fn a_route_leads_to_an_app_or_elsewhere() {
    let beside = "has no meaning with redirect";
    refused("", "upstream", "is missing, and so is redirect");
    refused(&format!("{APP}\n{TO}"), "upstream", beside);
    refused(&format!("session = \"required\"\n{TO}"), "session", beside);
    for (table, key, why) in [
        ("status = 301", "to", "is missing"),
        ("to = \"/x\", status = 304", "status", "is not one of"),
        ("to = \"//x\"", "to", "is neither"),
    ] {
        let redirect = format!("redirect = {{ {table} }}");
        refused(&redirect, &format!("redirect.{key}"), why);
    }
}

#[test]
fn what_is_asked_of_a_session_needs_one_to_be_required() {
    let only = "only with session";
    for (keys, key, why) in [
        ("session = \"optional\"\nfresh = \"1m\"", "fresh", only),
        (
            "session = \"none\"\nallow = { tenant_id = [\"t\"] }",
            "allow",
            only,
        ),
        (
            "allow = { tenant_id = [] }",
            "allow.tenant_id",
            "nobody would get through",
        ),
        (
            "allow = { role = [\"x\"] }",
            "allow.role",
            "is not \"tenant_id\"",
        ),
        (
            "allow = { tenant_id = \"t\" }",
            "allow.tenant_id",
            "a list of strings",
        ),
        (
            "allow = { tenant_id = [1] }",
            "allow.tenant_id[0]",
            "a string",
        ),
    ] {
        refused(&format!("{APP}\n{keys}"), key, why);
    }
}

#[test]
fn values_that_serve_nobody_are_faults() {
    for (keys, key, why) in [
        ("methods = []", "methods", "is empty"),
        ("methods = [\"get\"]", "methods[0]", "in capitals"),
        ("methods = [\"TRACE\"]", "methods[0]", "does not go on"),
        (
            "max_body_bytes = \"2TiB\"",
            "max_body_bytes",
            "must be between",
        ),
    ] {
        refused(&format!("{APP}\n{keys}"), key, why);
    }
    let root = super::with("routes[].strip_prefix", "true");
    Place::new().one_fault(&root, "routes[0].strip_prefix", "nothing to strip");
}

#[test]
fn fields_of_answers_that_are_not_the_operators_are_faults() {
    for name in [
        "Set-Cookie",
        "set-cookie",
        "X-Session-State",
        "X-Session-Anything",
        "X-Sidgate-Hop",
        "X-Forwarded-For",
        "X-Request-Id",
        "Server",
        "X-Powered-By",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Content-Length",
        "Content-Encoding",
        "Content-Type",
        "Date",
        "Remote-User",
        "X_Frame_Options",
        "a b",
        "",
    ] {
        let text = super::with(&format!("routes[].response_headers.{name:?}"), "\"x\"");
        assert_eq!(Place::new().bad(&text).len(), 1, "{name:?}");
    }
    for value in ["", " x", "x ", "a\\nb", "\\u00e9", "a\\tb"] {
        let text = super::with("routes[].response_headers.X-A", &format!("\"{value}\""));
        Place::new().one_fault(&text, "routes[0].response_headers.X-A", "is not a value");
    }
    let twice = super::with("routes[].response_headers", "{ X-A = \"1\", x-a = \"2\" }");
    Place::new().one_fault(&twice, "routes[0].response_headers.x-a", "more than once");
    for name in [
        "X-Frame-Options",
        "Strict-Transport-Security",
        "Cache-Control",
        "Content-Security-Policy",
        "Vary",
    ] {
        Place::new().good(&super::with(
            &format!("routes[].response_headers.{name}"),
            "\"x\"",
        ));
    }
}
