//! How faults are found and told: all at once, each with its key and line, none in vain.

use super::{MINIMAL, Place, with};

#[test]
fn all_faults_come_at_once_with_key_and_line() {
    let text = r#"typo = 1
[server]
listen = "127.0.0.1:3000"
treads = 4
threads = "four"
[cache]
local_tll = "5m"
local_ttl = 300
[session]
idle_timeout = "2h"
absolute_timeout = "1h"
[cookie]
same_site = "medium"
[upstreams.django]
servers = ["127.0.0.1:8000", "127.0.0.1", 3]
[insecure]
everything = true
[backend]
[[routes]]
path = "/admin"
upstream = "jango"
[[routes]]
path = "/admin/"
upstream = "django"
session = "maybe"
"#;
    let place = Place::new();
    let faults = place.load(text).expect_err("faults");
    let shown = faults.to_string();
    let shown = shown.split_once('\n').expect("several lines").1;
    let wanted = r#"  typo (line 1): unknown key
  server.listen (line 3): must be a list of strings, written [".."], not of type string
  server.treads (line 4): unknown key; did you mean "threads"?
  server.threads (line 5): must be a whole number, not of type string
  cache.local_tll (line 7): unknown key; did you mean "local_ttl"?
  cache.local_ttl (line 8): must be a duration such as "5m", not of type integer
  session.idle_timeout (line 10): is longer than session.absolute_timeout (1h)
  cookie.same_site (line 13): "medium" is not one of "lax", "strict", "none"
  upstreams.django.servers[1] (line 15): "127.0.0.1" has no port; write host:port
  upstreams.django.servers[2] (line 15): must be a string, not of type integer
  insecure.everything (line 17): unknown key
  backend.upstream (line 18): is missing and has no default
  routes[0].upstream (line 21): names upstream "jango"; did you mean "django"? There are: django
  routes[1].path (line 23): is the path of routes[0] too
  routes[1].session (line 25): "maybe" is not one of "none", "optional", "required""#;
    assert_eq!(shown, wanted);
    assert!(
        faults
            .to_string()
            .ends_with(&format!("sidgate.toml: 15 faults\n{wanted}"))
    );
}

#[test]
fn broken_toml_is_told_by_line_and_never_quoted() {
    let faults = Place::new()
        .load("[admin]\ntoken = hunter2\nx = \"hunter2\n")
        .expect_err("no TOML");
    let shown = faults.to_string();
    assert!(shown.contains("\n  line 2: "), "{shown}");
    assert!(shown.contains("\n  line 3: "), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        format!("{faults:?}").contains("line: Some(2)")
            && !format!("{faults:?}").contains("hunter2")
    );
}

#[test]
fn a_repeated_key_or_table_is_a_fault() {
    for text in [
        "[server]\nthreads = 1\nthreads = 2\n",
        "[server]\n[server]\n",
    ] {
        let faults = Place::new().bad(text);
        assert!(
            faults.len() == 1 && faults[0].contains("is there twice, first in line"),
            "{text}: {faults:?}"
        );
    }
}

#[test]
fn an_absent_file_is_one_fault() {
    let faults = super::Config::load(std::path::Path::new("no-such-folder/x.toml"), &|_| None);
    let shown = faults.expect_err("no file").to_string();
    assert!(
        shown.starts_with("no-such-folder/x.toml: cannot be read: "),
        "{shown}"
    );
}

#[test]
fn an_empty_file_lacks_what_has_no_default() {
    let faults = Place::new().bad("");
    assert_eq!(
        faults,
        [
            "backend.upstream: is missing and has no default",
            "routes: there are no routes, so nothing would be served",
        ]
    );
}

#[test]
fn a_table_of_the_wrong_type_is_one_fault() {
    let place = Place::new();
    let rest = MINIMAL.split_once("[upstreams").expect("upstreams").1;
    for (text, key) in [
        (format!("server = 3\n{MINIMAL}"), "server"),
        (format!("server.tls = true\n{MINIMAL}"), "server.tls"),
        (format!("backend = \"django\"\n[upstreams{rest}"), "backend"),
        (
            format!("{MINIMAL}[identity]\nheaders = []\n"),
            "identity.headers",
        ),
    ] {
        place.one_fault(&text, key, "must be a table");
    }
    let text =
        "routes = [3]\n[backend]\nupstream = \"django\"\n[upstreams.django]\nservers = [\"a:1\"]\n";
    place.one_fault(text, "routes[0]", "must be a table");
    place.one_fault(
        &text.replace("[3]", "{}"),
        "routes",
        "must be a list of tables",
    );
    place.one_fault(&text.replace("[3]", "[]"), "routes", "there are no routes");
}

#[test]
fn a_number_must_fit() {
    let place = Place::new();
    for value in ["-1", "1025", "99999999999999999999"] {
        place.one_fault(
            &with("server.threads", value),
            "server.threads",
            "must be between 0 and 1024",
        );
    }
    place.one_fault(
        &with("server.threads", "1.5"),
        "server.threads",
        "must be a whole number",
    );
    place.one_fault(
        &with("cookie.secure", "\"true\""),
        "cookie.secure",
        "must be true or false",
    );
    assert_eq!(
        place
            .good(&with("server.threads", "0x10"))
            .server
            .threads
            .map(std::num::NonZeroUsize::get),
        Some(16)
    );
}

#[test]
fn a_list_repeats_nothing_and_ends() {
    let place = Place::new();
    let twice = with("server.hosts", "[\"a.test\", \"A.test\"]");
    place.one_fault(&twice, "server.hosts[1]", "appears more than once");
    let many: Vec<_> = (0..300).map(|i| format!("\"h{i}.test\"")).collect();
    let many = with("server.hosts", &format!("[{}]", many.join(",")));
    place.one_fault(&many, "server.hosts", "300 entries, more than 256");
}

#[test]
fn odd_keys_cannot_garble_a_fault() {
    let text = format!("{MINIMAL}[server]\n\"a\\n  b\" = 1\n");
    assert_eq!(Place::new().bad(&text), ["server.\"a\\n  b\": unknown key"]);
}

#[test]
fn nothing_is_suggested_for_a_key_that_resembles_none() {
    use super::super::suggest::nearest;
    assert_eq!(nearest("lisen", &["listen", "hosts"]), Some("listen"));
    assert_eq!(nearest("hots", &["listen", "hosts"]), Some("hosts"));
    assert_eq!(nearest("zz", &["listen", "hosts"]), None);
    assert_eq!(nearest("on", &["url"]), None);
    assert_eq!(nearest("", &[]), None);
}
