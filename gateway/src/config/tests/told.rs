//! What is told about input that people really write: what is the matter, and what to write instead.

use super::{CERT, Draft, MINIMAL, Place, with};

/// One fault of `key`, with each of the hints in it.
#[track_caller]
fn told(key: &str, value: &str, hints: &[&str]) {
    let reported = key.replace("[]", "[0]");
    let reported = match value.starts_with('[') {
        true => format!("{reported}[0]"),
        false => reported,
    };
    for hint in hints {
        Place::new().one_fault(&with(key, value), &reported, hint);
    }
}

#[test]
fn servers_say_how_they_are_reached() {
    let key = "upstreams.django.servers";
    told(key, "[\"http://app/api\"]", &["paths are for [[routes]]"]);
    told(
        key,
        "[\"https://app.internal\"]",
        &["has no port; write host:port"],
    );
    told(
        key,
        "[\"ftp://app:80\"]",
        &["\"ftp\" is none of \"http\", \"https\", \"unix:\" and \"srv:\""],
    );
    told(
        key,
        "[\"/run/gunicorn.sock\"]",
        &["write \"unix:/run/gunicorn.sock\" for a unix socket"],
    );
    told(
        key,
        "[\"unix:gunicorn.sock\"]",
        &["write the whole path, such as \"unix:/run/gunicorn.sock\""],
    );
    told(
        key,
        "[\"srv:app.internal\"]",
        &["write a name such as \"srv:_http._tcp.app.internal\""],
    );
    told(key, "[\"app:8000/api\"]", &["without a path"]);
    told(key, "[\"u@app:8000\"]", &["without a user"]);
    told(key, "[\"*:8000\"]", &["patterns are not supported"]);
    told(key, "[\"app\"]", &["has no port; write host:port"]);
}

#[test]
fn listeners_are_addresses() {
    let key = "server.listen";
    for (value, hint) in [
        (
            "localhost:8080",
            "a name is not resolved here: \"127.0.0.1:8080\" for this machine alone, \"0.0.0.0:8080\" for all interfaces",
        ),
        (
            ":8080",
            "names no address: \"127.0.0.1:8080\" for this machine alone",
        ),
        ("*:8080", "\"0.0.0.0:8080\" for all interfaces"),
        ("8080", "is a port alone: \"127.0.0.1:8080\""),
        ("http://127.0.0.1:8080", "without a scheme"),
        ("127.0.0.1", "has no port"),
        ("127.0.0.1:70000", "is not an address such as"),
    ] {
        told(key, &format!("[{value:?}]"), &[hint]);
        told("server.admin_listen", &format!("{value:?}"), &[hint]);
    }
    let socket = "/run/sidgate.sock";
    told(key, &format!("[{socket:?}]"), &["write \"unix:/run"]);
    let socket = format!("\"unix:{socket}\"");
    told("server.admin_listen", &socket, &["only server.listen"]);
}

#[test]
fn paths_hosts_and_pages() {
    told(
        "routes[].path",
        "\"/api/*\"",
        &["\"/api/\" covers everything below it"],
    );
    told(
        "routes[].path",
        "\"/a/b*\"",
        &["\"/a/\" covers everything below it"],
    );
    told("routes[].path", "\"*\"", &["does not begin with \"/\""]);
    told(
        "server.hosts",
        "[\"*.example.com\"]",
        &["is a pattern", "list the names"],
    );
    told(
        "server.hosts",
        "[\"https://app.example.com\"]",
        &["without a scheme and without a path"],
    );
    told(
        "server.public_origin",
        "\"https://*.example.com\"",
        &["is a pattern"],
    );
    told(
        "server.login_url",
        "\"https://login.example.com/\"",
        &["write its path, such as \"/login\""],
    );
    told(
        "server.login_url",
        "\"//login.example.com/\"",
        &["write its path"],
    );
}

#[test]
fn networks_and_words() {
    let key = "server.trusted_proxies";
    told(key, "[\"10.0.0.1/33\"]", &["0 to 32 for an IPv4 network"]);
    told(key, "[\"::1/129\"]", &["0 to 128 for an IPv6 network"]);
    told(
        key,
        "[\"private\"]",
        &["\"loopback\", \"private_ranges\" and \"unix\""],
    );
    let words = with(key, "[\"private_ranges\", \"192.0.2.7\"]");
    let networks = Place::new().good(&words).server.trusted_proxies;
    let shown: Vec<_> = networks.networks.iter().map(ToString::to_string).collect();
    let wanted = [
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "192.0.2.7/32",
    ];
    assert_eq!(shown, wanted);
    let loopback = Place::new().good(&with(key, "[\"loopback\"]"));
    assert_eq!(loopback.server.trusted_proxies.networks.len(), 2);
    assert_eq!(
        Place::new().good(&words).advice().len(),
        1,
        "of the password"
    );
}

#[test]
fn sizes_in_both_forms() {
    for key in [
        "edge.max_body_bytes",
        "edge.max_header_bytes",
        "edge.max_cookie_bytes",
        "cache.local_max_bytes",
        "edge.min_body_rate",
    ] {
        told(
            key,
            "\"10MB\"",
            &["a number of bytes such as 10_485_760", "\"10MiB\""],
        );
        told(
            key,
            "true",
            &["10_485_760", "\"10MiB\"", "not of type boolean"],
        );
        told(key, "1.5", &["not of type float"]);
    }
    told("edge.max_header_bytes", "\"2MiB\"", &["between 1 and 1MiB"]);
    let config = Place::new().good(
        &Draft::minimal()
            .set("edge.max_body_bytes", "\"10MiB\"")
            .set("edge.max_header_bytes", "\"64KiB\"")
            .set("edge.max_cookie_bytes", "\"16KiB\"")
            .text(),
    );
    let edge = config.edge;
    assert_eq!(
        (
            edge.max_body_bytes,
            edge.max_header_bytes,
            edge.max_cookie_bytes
        ),
        (10 << 20, 64 << 10, 16 << 10)
    );
}

#[test]
fn words_in_any_case_and_names_nearby() {
    use super::super::SameSite;

    for (value, wanted) in [
        ("Lax", SameSite::Lax),
        ("STRICT", SameSite::Strict),
        ("None", SameSite::None),
    ] {
        let config = Place::new().good(&with("cookie.same_site", &format!("{value:?}")));
        assert_eq!(config.cookie.same_site, wanted);
    }
    told("cookie.same_site", "\"medium\"", &["is not one of \"lax\""]);
    for (key, value, meant) in [
        (
            "routes[].session",
            "\"Required\"",
            "did you mean \"required\"?",
        ),
        ("migration.mode", "\"shadw\"", "did you mean \"shadow\"?"),
    ] {
        told(key, value, &["is not one of", meant]);
    }
    told(
        "routes[].upstream",
        "\"djnago\"",
        &["did you mean \"django\"?"],
    );
    told(
        "backend.upstream",
        "\"djang\"",
        &["did you mean \"django\"?"],
    );
}

#[test]
fn what_is_there_twice_is_named_with_its_first_line() {
    for (text, wanted) in [
        (
            "[backend]\nupstream = \"a\"\n[server]\n[backend]\n",
            "line 4: `backend` is there twice, first in line 1",
        ),
        (
            "[server]\nthreads = 1\nlisten = []\nthreads = 2\n",
            "line 4: `threads` is there twice, first in line 2",
        ),
        (
            "[cache]\n[server]\nthreads = 1\n[cookie]\n[ server ] # again\n",
            "line 5: `server` is there twice, first in line 2",
        ),
        (
            "[upstreams.a]\n[upstreams.b]\n[upstreams.a]\n",
            "line 3: `upstreams.a` is there twice, first in line 1",
        ),
        (
            "[admin]\ntoken = \"hunter2\"\n[server]\ntoken = \"hunter2\"\ntoken = \"hunter2\"\n",
            "line 5: `token` is there twice, first in line 4",
        ),
    ] {
        let faults = Place::new().load(text).expect_err(text).to_string();
        assert!(
            faults.ends_with(&format!("sidgate.toml: {wanted}")),
            "{faults}"
        );
    }
}

#[test]
fn a_key_that_is_encrypted_or_der() {
    let text = format!("[server.tls]\ncert = \"c.pem\"\nkey = \"k.pem\"\n{MINIMAL}");
    for (key, hint) in [
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "is encrypted; decrypt it: openssl pkey",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "is encrypted; decrypt it: openssl pkey",
        ),
        ("0\u{1}binary", "is DER, not PEM"),
        ("nothing", "holds no private key in PEM"),
    ] {
        let place = Place::new().file("c.pem", CERT).file("k.pem", key);
        place.one_fault(&text, "server.tls.key", hint);
    }
}

#[test]
fn a_server_that_is_one_of_our_listeners() {
    let draft = Draft::minimal().set("server.listen", "[\"0.0.0.0:8000\"]");
    for server in ["localhost:8000", "127.0.0.1:8000", "0.0.0.0:8000"] {
        let text = draft.clone().set(
            "upstreams.django.servers",
            &format!("[\"a:1\", {server:?}]"),
        );
        for hint in [server, "server.listen, 0.0.0.0:8000"] {
            Place::new().one_fault(&text.text(), "upstreams.django.servers", hint);
        }
    }
    let admin = Draft::minimal().set(
        "upstreams.django.servers",
        "[\"[::1]:9901\", \"localhost:9901\"]",
    );
    Place::new().one_fault(
        &admin.text(),
        "upstreams.django.servers",
        "server.admin_listen",
    );
    let socket = Draft::minimal()
        .set(
            "server.listen",
            "[\"unix:/run/sidgate/http.sock?mode=0660\"]",
        )
        .set(
            "upstreams.django.servers",
            "[\"unix:/run/sidgate/http.sock\"]",
        );
    Place::new().one_fault(
        &socket.text(),
        "upstreams.django.servers",
        "the same socket",
    );
    let elsewhere = draft.set(
        "upstreams.django.servers",
        "[\"10.0.0.1:8000\", \"127.0.0.1:8001\"]",
    );
    Place::new().good(&elsewhere.text());
}

#[test]
fn names_that_letting_pass_does_nothing_for() {
    let key = "edge.passthrough_headers";
    told(
        key,
        "[\"x-request-id\"]",
        &[
            "written or removed by sidgate itself",
            "server.request_id_from",
        ],
    );
    told(key, "[\"te\"]", &["written or removed by sidgate itself"]);
    for name in ["accept", "x-tenant", "x-middleware-prefetch"] {
        told(key, &format!("[{name:?}]"), &["reaches the apps anyway"]);
    }
}

#[test]
fn the_prefix_of_the_cookie_is_advised_beyond_this_machine_only() {
    let advised = |origin: &str| {
        let draft = Draft::minimal().set("server.public_origin", origin);
        let advice = Place::new().good(&draft.text()).advice();
        advice
            .iter()
            .filter(|line| line.contains("__Host-"))
            .count()
    };
    assert_eq!(advised("\"http://localhost:3000\""), 0);
    assert_eq!(advised("\"http://127.0.0.1:3000\""), 0);
    assert_eq!(advised("\"https://app.test\""), 1);
}

#[test]
fn faults_in_one_line() {
    let faults = Place::new().load("typo = 1\n").expect_err("faults");
    let line = format!("{faults:#}");
    assert!(
        !line.contains('\n') && line.contains("3 faults: backend.upstream: is missing"),
        "{line}"
    );
    assert!(line.contains("; typo (line 1): unknown key"), "{line}");
}
