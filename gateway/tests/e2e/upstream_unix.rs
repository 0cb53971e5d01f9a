//! Apps at unix sockets.

use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use sidgate_testkit::front::Front;
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{App, Gateway, Reply};

use crate::causes::lines;

#[test]
fn an_app_at_a_socket_gets_the_same_as_any() {
    let (app, folder) = (App::start(), TempDir::new().unwrap());
    let front = Front::unix(&folder.path().join("app.sock"), app.address());
    let config = front.config() + "idle_timeout = \"1m\"\n";
    let gateway = Gateway::in_front_of(&app).with(&config).start();
    let away = "http://app.internal:8000/x";
    app.on("/away", move |_| Reply::new(302, &[("Location", away)], ""));
    let sid = gateway.log_in("alice@example.com");
    let response = gateway.get_as(&sid, "/away");
    assert_eq!(response.header("location"), Some(away));
    let seen = app.last_request();
    assert_eq!(seen.user().as_deref(), Some("alice"));
    assert_eq!(seen.header("host"), Some(gateway.host()));
    assert_eq!(seen.header("x-forwarded-host"), Some(gateway.host()));
    assert_eq!(seen.header("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(app.backend_calls().len(), 1);
    for _ in 0..20 {
        assert_eq!(gateway.get("/page").status, 200);
    }
    // One of the client that asks who somebody is, and few of the proxy: a visitor may come again before the connection is back.
    assert!((2..10).contains(&front.connections()));
}

#[test]
fn what_is_wrong_with_a_socket_is_told() {
    let folder = TempDir::new().unwrap();
    let stale = folder.path().join("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let app = App::start();
    for (path, kind, words) in [
        (
            folder.path().join("none.sock"),
            "unreachable",
            "no such file or directory",
        ),
        (
            stale,
            "refused",
            "connection refused: the socket is there, and nobody listens at it",
        ),
        (file, "refused", "connection refused"),
    ] {
        let server = format!("[upstreams.app]\nservers = [\"unix:{}\"]\n", path.display());
        let gateway = Gateway::in_front_of(&app).with(&server).start();
        assert_eq!(gateway.get("/page").status, 502);
        let line = until("the line", LONG, || lines(&gateway, "request failed").pop());
        assert_eq!(line["kind"], kind, "{line:#}");
        let cause = line["cause"].as_str().unwrap();
        assert!(cause.starts_with(words), "{cause}");
        assert_eq!(line["server"], format!("unix:{}", path.display()));
    }
}
