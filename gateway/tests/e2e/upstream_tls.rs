//! Apps under TLS: who is believed, what is shown, and what is said of a handshake that fails.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use tempfile::TempDir;

use sidgate_testkit::cli::sidgate;
use sidgate_testkit::front::{Front, Tls, client_key, file};
use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{App, Gateway, Reply};

use crate::causes::lines;

const TRUSTS_NOBODY: &str = "";

/// `tls = {..}` with the authority of the apps, and more.
fn believing(more: &str) -> String {
    format!("tls = {{ ca = {:?}{more} }}\n", file("authority.pem"))
}

fn showing(certificate: &str) -> String {
    let (cert, key) = (file(certificate), client_key());
    believing(&format!(", client_cert = {cert:?}, client_key = {key:?}"))
}

/// A gateway in front of `app`, which is reached at `server`.
fn gateway(app: &App, server: &str, more: &str) -> Gateway {
    let upstream = format!(
        "[upstreams.app]\nservers = [{server:?}]\nconnect_timeout = \"2s\"\nread_timeout = \"10s\"\n{more}"
    );
    Gateway::in_front_of(app).with(&upstream).start()
}

/// The line about the only request, which could not be served.
fn failed(gateway: &Gateway) -> Value {
    until("the line", LONG, || lines(gateway, "request failed").pop())
}

/// What is said when a server like this is asked under these settings.
fn told(how: Tls, host: &str, more: &str) -> (String, String) {
    let app = App::start();
    let front = Front::tls(how, app.address());
    told_at(&app, &front.at(host), more)
}

fn told_at(app: &App, server: &str, more: &str) -> (String, String) {
    let gateway = gateway(app, server, more);
    assert_eq!(gateway.get("/page").status, 502);
    let line = failed(&gateway);
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let labels = [("upstream", "app"), ("kind", &*text("kind"))];
    assert!(gateway.sum("sidgate_upstream_errors_total", &labels) >= 1.0);
    assert!(app.requests().is_empty(), "nothing reaches the app");
    (text("kind"), text("cause"))
}

#[test]
fn an_app_under_tls_gets_the_identity_and_its_redirects_stay() {
    let app = App::start();
    let front = Front::tls(Tls::default(), app.address());
    let server = front.at("localhost");
    let gateway = gateway(&app, &server, &believing(""));
    let location = format!("{server}/greet?x#y");
    app.on("/go", move |_| {
        Reply::new(302, &[("Location", &location)], "")
    });
    // The question who somebody is takes the same way.
    let sid = gateway.log_in("alice@example.com");
    let response = gateway.get_as(&sid, "/go");
    let here = format!("{}/greet?x#y", gateway.origin());
    assert_eq!(response.header("location"), Some(here.as_str()));
    let seen = app.last_request();
    assert_eq!(seen.user().as_deref(), Some("alice"));
    assert_eq!(seen.header("host"), Some(gateway.host()));
    assert_eq!(seen.header("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(app.assertion_in(&seen)["sub"], "alice");
    assert_eq!(app.backend_calls().len(), 1);
}

#[test]
fn connections_under_tls_are_used_again() {
    let app = App::start();
    let front = Front::tls(Tls::default(), app.address());
    let gateway = gateway(
        &app,
        front.address(),
        &(believing("") + "idle_timeout = \"1m\"\n"),
    );
    // The next request may be there before the connection of the last one is free again.
    for _ in 0..20 {
        assert_eq!(gateway.get("/page").status, 200);
    }
    assert!(front.connections() < 10, "{}", front.connections());
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    for more in [
        TRUSTS_NOBODY.to_owned(),
        format!("tls = {{ ca = {:?} }}\n", file("stranger.pem")),
    ] {
        let (kind, cause) = told(Tls::default(), "127.0.0.1", &more);
        assert_eq!(kind, "tls_unknown_authority");
        assert_eq!(
            cause,
            "TLS: the server's certificate is of an unknown authority; see upstreams.app.tls.ca"
        );
    }
}

#[test]
fn a_certificate_that_is_not_valid_now_or_for_another_name_is_refused() {
    for (certificate, kind, words) in [
        ("expired.pem", "tls_expired", "ended 2021-01-01T00:00:00Z"),
        (
            "future.pem",
            "tls_not_yet_valid",
            "begins only 2099-01-01T00:00:00Z",
        ),
        (
            "other-name.pem",
            "tls_wrong_name",
            "for other.internal, not for localhost",
        ),
    ] {
        let how = Tls {
            certificate,
            ..Tls::default()
        };
        let (kind_told, cause) = told(how, "localhost", &believing(""));
        assert_eq!(kind_told, kind, "{cause}");
        assert!(cause.contains(words), "{cause}");
    }
}

#[test]
fn server_name_is_the_name_that_counts() {
    let how = Tls {
        certificate: "other-name.pem",
        ..Tls::default()
    };
    let app = App::start();
    let front = Front::tls(how, app.address());
    let named = believing(", server_name = \"other.internal\"");
    assert_eq!(
        gateway(&app, front.address(), &named).get("/page").status,
        200
    );
    let wrong = believing(", server_name = \"third.internal\"");
    let (kind, _) = told(how, "127.0.0.1", &wrong);
    assert_eq!(kind, "tls_wrong_name");
}

#[test]
fn only_the_switch_below_insecure_goes_without_being_verified() {
    let app = App::start();
    let how = Tls {
        certificate: "expired.pem",
        ..Tls::default()
    };
    let front = Front::tls(how, app.address());
    let switch = "[insecure]\nunverified_upstreams = [\"app\"]\n";
    let gateway = gateway(&app, &front.at("localhost"), switch);
    assert_eq!(gateway.get("/page").status, 200);
    assert!(gateway.output().contains("insecure.unverified_upstreams"));
}

#[test]
fn an_app_that_wants_a_certificate_is_shown_ours_and_no_other() {
    let how = Tls {
        clients_of: Some("authority.pem"),
        ..Tls::default()
    };
    let app = App::start();
    let front = Front::tls(how, app.address());
    let gateway = gateway(&app, front.address(), &showing("client.pem"));
    assert_eq!(gateway.get("/page").status, 200);
    for (more, words) in [
        (
            believing(""),
            "the server wants a certificate of its clients",
        ),
        (
            showing("stranger-client.pem"),
            "upstreams.app.tls.client_cert",
        ),
    ] {
        let (kind, cause) = told(how, "127.0.0.1", &more);
        assert_eq!(kind, "tls_client_certificate", "{cause}");
        assert!(cause.contains(words), "{cause}");
    }
}

/// The address of a server that answers whatever comes as one of HTTP answers what it cannot read.
fn without_tls() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut hello = [0; 4096];
            if stream.read(&mut hello).is_ok() {
                let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        }
    });
    address
}

#[test]
fn a_server_without_tls_is_told_as_that() {
    let app = App::start();
    let server = format!("https://{}", without_tls());
    let (kind, cause) = told_at(&app, &server, &believing(""));
    assert_eq!(kind, "not_tls", "{cause}");
}

#[test]
fn a_handshake_has_a_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("https://{}", silent.local_addr().unwrap());
    let held = thread::spawn(move || silent.incoming().take(1).collect::<Vec<_>>());
    let app = App::start();
    let gateway = gateway(&app, &server, "");
    let status = gateway.get("/page").status;
    assert!([502, 504].contains(&status), "{status}");
    let line = failed(&gateway);
    assert_eq!(line["kind"], "tls_timeout");
    assert_eq!(
        line["cause"],
        "TLS: no handshake within connect_timeout (2s)"
    );
    drop(held);
}

/// A reload that exchanges the authority exchanges the connections, too.
#[test]
fn after_a_reload_with_another_authority_no_old_connection_is_used() {
    let app = App::start();
    let front = Front::tls(Tls::default(), app.address());
    let more = believing("") + "idle_timeout = \"10m\"\n";
    let gateway = gateway(&app, front.address(), &more);
    assert_eq!(gateway.get("/page").status, 200);
    gateway.reconfigure(|_, text| text.replace("authority.pem", "stranger.pem"));
    gateway.signal(Signal::HUP);
    until("the new configuration", LONG, || {
        (gateway.get("/page").status == 502).then_some(())
    });
    assert_eq!(failed(&gateway)["kind"], "tls_unknown_authority");
}

/// Also those of the client that asks who somebody is.
#[test]
fn the_next_server_is_tried_when_a_handshake_fails() {
    let app = App::start();
    let good = Front::tls(Tls::default(), app.address());
    let expired = Tls {
        certificate: "expired.pem",
        ..Tls::default()
    };
    let bad = Front::tls(expired, app.address());
    let nobody = format!("https://127.0.0.1:{}", free_port());
    let no_tls = format!("https://{}", without_tls());
    for server in [bad.address(), &nobody, &no_tls] {
        let both = format!(
            "[upstreams.app]\nservers = [{server:?}, {:?}]\n{}",
            good.address(),
            believing("")
        );
        let gateway = Gateway::in_front_of(&app).with(&both).start();
        for _ in 0..4 {
            assert_eq!(gateway.get("/page").status, 200, "{server}");
        }
        let sid = gateway.log_in("alice@example.com");
        assert!(gateway.knows(&sid));
    }
}

/// `check --connect` asks as requests go, and says what is wrong before any request does.
#[test]
fn check_asks_apps_the_same_way() {
    let (app, folder) = (App::start(), TempDir::new().unwrap());
    let how = Tls {
        clients_of: Some("authority.pem"),
        ..Tls::default()
    };
    let front = Front::tls(how, app.address());
    let socket = folder.path().join("app.sock");
    let _front = Front::unix(&socket, app.address());
    let servers = format!(
        "[upstreams.app]\nservers = [{:?}, \"unix:{}\"]\n{}",
        front.address(),
        socket.display(),
        showing("client.pem")
    );
    let gateway = Gateway::in_front_of(&app).with(&servers).start();
    let check = || {
        let config = gateway.config_file();
        sidgate(
            gateway.folder(),
            &["check", "--connect", "--config", config.to_str().unwrap()],
        )
    };
    let outcome = check();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let answers = |line: &&str| line.starts_with("server app") && line.contains("answers HTTP");
    assert_eq!(
        outcome.stdout.lines().filter(answers).count(),
        2,
        "{outcome:?}"
    );

    gateway.reconfigure(|_, text| text.replace("/authority.pem", "/stranger.pem"));
    let outcome = check();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let words = "the server's certificate is of an unknown authority; see upstreams.app.tls.ca";
    assert!(outcome.stdout.contains(words), "{outcome:?}");
}
