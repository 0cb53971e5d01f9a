//! Who is answered on the admin listener without a token.

use sidgate_testkit::client::Connection;
use sidgate_testkit::{Request, Stage};

/// Nothing on the listener answers a page under another name, whatever it says about anybody.
#[test]
fn nothing_on_the_open_listener_answers_under_another_name() {
    let stage = Stage::start();
    for path in [
        "/livez",
        "/readyz",
        "/metrics",
        "/nothing",
        "/api/admin/session-dashboard",
        "/api/admin/openapi.json",
        "/api/admin/stats",
        "/api/admin/nothing",
    ] {
        let own = stage.admin(path).status;
        for host in [
            "evil.test",
            "127.0.0.1.evil.test:9901",
            "10.0.0.1",
            "0.0.0.0:9901",
            "",
        ] {
            let refused = stage.send_to_admin(&Request::get(path).header("Host", host));
            assert_eq!(refused.problem(403), "cross_site", "{path} for {host:?}");
        }
        // A link from elsewhere may lead to what says nothing about anybody.
        let link = Request::get(path).header("Sec-Fetch-Site", "cross-site");
        let says_something = matches!(path, "/metrics" | "/api/admin/stats" | "/api/admin/nothing");
        let wanted = if says_something { 403 } else { own };
        assert_eq!(stage.send_to_admin(&link).status, wanted, "{path}");
        // Probes of HTTP/1.0 name no host, and browsers always do.
        let mut probe = Connection::open(stage.admin_address());
        probe.write(format!("GET {path} HTTP/1.0\r\nConnection: close\r\n\r\n").as_bytes());
        let answer = String::from_utf8_lossy(&probe.read_to_end()).into_owned();
        assert!(answer.contains(&format!(" {own} ")), "{path}: {answer}");
    }
}
