//! Apps that speak HTTP/2: whoever asks them, and what is said of those that do not.

use sidgate_testkit::front::{Front, Tls};
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{App, Gateway, Reply, Request};

use crate::causes::lines;

const TLS: Tls = Tls {
    certificate: "server.pem",
    clients_of: None,
    protocols: &["h2"],
};

#[test]
fn clients_of_http1_reach_apps_of_http2() {
    for how in [None, Some(TLS)] {
        let app = App::start();
        let front = Front::http2(how, app.address());
        let gateway = Gateway::in_front_of(&app).with(&front.config()).start();
        let sid = gateway.log_in("alice@example.com");
        let request = Request::post("/form?x=1")
            .sid(&sid)
            .header("Transfer-Encoding", "chunked")
            .header("X-Own", "kept")
            .body("5\r\nhello\r\n0\r\n\r\n");
        assert_eq!(gateway.send(&request).status, 200);
        let seen = app.last_request();
        assert_eq!(seen.request_line(), "POST /form?x=1");
        assert_eq!(seen.body, b"hello");
        assert_eq!(seen.all("host"), [gateway.host()]);
        assert_eq!(seen.all("x-session-user-id"), ["alice"]);
        assert_eq!(seen.all("x-own"), ["kept"]);
        for name in ["connection", "transfer-encoding", "keep-alive", "upgrade"] {
            assert!(seen.all(name).is_empty(), "{name}: {:?}", seen.headers());
        }
        let names = seen.headers();
        assert!(
            names.iter().all(|(name, _)| *name == name.to_lowercase()),
            "{names:?}"
        );
        // The client that asks who somebody is speaks it, too.
        assert_eq!(app.backend_calls().len(), 1);
    }
}

/// Who waits for leave to send a body gets it from the gateway: interim answers of such an app are lost in a library.
#[test]
fn a_client_that_waits_before_its_body_is_told_to_go_on() {
    let app = App::start();
    let front = Front::http2(None, app.address());
    let gateway = Gateway::in_front_of(&app).with(&front.config()).start();
    let mut connection = gateway.connect();
    let head = Request::post("/form")
        .header("Content-Length", "5")
        .header("Expect", "100-continue");
    connection.write(&head.bytes(&gateway.host()));
    assert_eq!(connection.read_head_only(), 100);
    connection.write(b"hello");
    assert_eq!(connection.read(false).status, 200);
    let seen = app.last_request();
    assert_eq!(seen.body, b"hello");
    assert!(seen.all("expect").is_empty());
}

#[test]
fn requests_share_a_connection() {
    let app = App::start();
    let front = Front::http2(None, app.address());
    let config = front.config() + "idle_timeout = \"1m\"\n";
    let gateway = Gateway::in_front_of(&app).with(&config).start();
    for _ in 0..5 {
        assert_eq!(gateway.get("/page").status, 200);
    }
    assert_eq!(front.connections(), 1);
}

#[test]
fn a_websocket_for_such_an_app_is_not_implemented() {
    let app = App::start();
    let front = Front::http2(None, app.address());
    let gateway = Gateway::in_front_of(&app).with(&front.config()).start();
    let handshake = Request::get("/socket").websocket();
    assert_eq!(gateway.send(&handshake).problem(501), "not_implemented");
    assert!(app.requests().is_empty());
}

/// Fronts of HTTP/1 where the configuration says HTTP/2.
#[test]
fn an_app_that_does_not_speak_it_gets_no_request() {
    let app = App::start();
    let silent = Tls {
        protocols: &[],
        ..TLS
    };
    let other = Tls {
        protocols: &["http/1.1"],
        ..TLS
    };
    for how in [silent, other] {
        let front = Front::tls(how, app.address());
        no_http2(&app, &front.config().replace("\"http1\"", "\"h2\""));
    }
    let plain = format!(
        "[upstreams.app]\nservers = [\"{}\"]\nprotocol = \"h2\"\n",
        app.address()
    );
    no_http2(&app, &plain);
    assert!(
        app.requests()
            .iter()
            .all(|it| it.request_line().starts_with("PRI"))
    );
}

fn no_http2(app: &App, config: &str) {
    app.on("*", |_| {
        Reply::Last(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec())
    });
    let gateway = Gateway::in_front_of(app).with(config).start();
    assert_eq!(gateway.get("/page").status, 502, "{config}");
    let line = until("the line", LONG, || lines(&gateway, "request failed").pop());
    assert_eq!(line["kind"], "not_http2", "{line:#}");
}
