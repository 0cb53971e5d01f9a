//! TLS listeners: several certificates by name, clients that must show one, and the oldest version.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::Signal;
use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use session_testing::{Issued, TestAuthority, Validity};

use sidgate_testkit::client::Connection;
use sidgate_testkit::port::free_port;
use sidgate_testkit::tls_connection::{TlsConnection, certificate_in};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::wire::Way;
use sidgate_testkit::{App, Gateway, Request, h2, tls};

/// The server's part of client and server alike.
fn plain() -> ClientConfig {
    tls::client(None, &[&TLS13, &TLS12])
}

fn showing(issued: &Issued) -> ClientConfig {
    tls::client(Some((&issued.cert, &issued.key)), &[&TLS13, &TLS12])
}

struct Stage {
    app: App,
    gateway: Gateway,
    port: u16,
}

impl Stage {
    fn with(tls: &str) -> Self {
        let (app, port) = (App::start(), free_port());
        let gateway = Gateway::in_front_of(&app)
            .with(&format!(
                "[server]\npublic_origin = \"https://localhost:{port}\"\n[server.tls]\nlisten = [\"127.0.0.1:{port}\"]\n{tls}"
            ))
            .start();
        Self { app, gateway, port }
    }

    fn counted(&self, reason: &str) -> f64 {
        self.gateway
            .sum("sidgate_refused_total", &[("reason", reason)])
    }

    /// What is shown to a client that asks for this name.
    fn shown(&self, name: &'static str) -> Vec<u8> {
        let connection = TlsConnection::open_for(self.port, name, plain());
        connection.expect("a handshake").shown
    }

    fn way(&self, config: ClientConfig) -> Way {
        Way::Tls(Arc::new(config), self.port, "localhost")
    }

    /// The status of a request by HTTP/1; `None`: the connection was closed.
    fn status(&self, config: ClientConfig, request: Request) -> Option<u16> {
        let mut connection = Connection::by(&self.way(config)).ok()?;
        let host = format!("localhost:{}", self.port);
        connection.write(&request.bytes(&host));
        connection.read_status()
    }
}

/// A pair in files that nobody else can read, at `name`.
fn keep(folder: &Path, name: &str, issued: &Issued) -> (PathBuf, PathBuf) {
    let at = |end: &str| folder.join(format!("{name}.{end}"));
    let (cert, key) = issued.texts();
    fs::write(at("pem"), cert).unwrap();
    sidgate_testkit::builder::write_secret(&at("key"), &key);
    (at("pem"), at("key"))
}

#[test]
fn several_certificates_are_shown_by_name() {
    let authority = TestAuthority::new();
    let folder = tempfile::tempdir().unwrap();
    let issue = |owner: &str, names: &str| authority.issue(owner, names, Validity::Now);
    let first = keep(folder.path(), "first", &issue("first", "DNS:localhost"));
    let app = keep(
        folder.path(),
        "app",
        &issue("app", "DNS:app.test,DNS:www.app.test"),
    );
    let wild = keep(folder.path(), "wild", &issue("wild", "DNS:*.app.test"));
    let line = |(cert, key): &(PathBuf, PathBuf)| format!("{{ cert = {cert:?}, key = {key:?} }}");
    let stage = Stage::with(&format!(
        "certificates = [{}, {}, {}]\ncheck_every = \"1h\"",
        line(&first),
        line(&app),
        line(&wild)
    ));
    let shows = |name: &'static str, pair: &(PathBuf, PathBuf)| {
        assert_eq!(stage.shown(name), certificate_in(&pair.0), "{name}");
    };
    for (name, pair) in [
        ("localhost", &first),
        ("app.test", &app),
        ("APP.test", &app),
        ("www.app.test", &app),
        ("other.app.test", &wild),
        // One label and no more.
        ("a.b.app.test", &first),
        ("other.test", &first),
        // An address is no name, and is not sent.
        ("127.0.0.1", &first),
    ] {
        shows(name, pair);
    }
    for index in ["0", "1", "2"] {
        let end = stage.gateway.sum(
            "sidgate_tls_certificate_not_after_seconds",
            &[("certificate", index)],
        );
        assert!(end > 4_000_000_000.0, "{index}: {end}");
    }
    // One bad pair leaves the others renewing.
    fs::write(&app.1, "rubbish").unwrap();
    fs::set_permissions(&app.1, fs::Permissions::from_mode(0o600)).unwrap();
    let before = certificate_in(&app.0);
    let renewed = keep(folder.path(), "wild", &issue("wild2", "DNS:*.app.test"));
    stage.gateway.signal(Signal::HUP);
    until_true("the renewal", LONG, || {
        stage.shown("other.app.test") == certificate_in(&renewed.0)
    });
    assert_eq!(stage.shown("app.test"), before, "the one in use stays");
    let output = stage.gateway.stdout();
    assert!(
        output.contains("\"table\":\"server.tls.certificates[1]\""),
        "{output}"
    );
    let renewals = |result: &str| {
        let labels = [("result", result)];
        stage
            .gateway
            .sum("sidgate_tls_certificate_renewals_total", &labels)
    };
    assert_eq!((renewals("taken"), renewals("refused")), (1.0, 1.0));
}

#[test]
fn clients_must_show_a_certificate_of_the_authority() {
    let (authority, stranger) = (TestAuthority::new(), TestAuthority::new());
    let issue = |authority: &TestAuthority, owner: &str, validity| {
        authority.issue(owner, "DNS:client.test", validity)
    };
    let alice = issue(&authority, "al,ice", Validity::Now);
    let over = issue(&authority, "over", Validity::Over);
    let other = issue(&stranger, "alice", Validity::Now);
    let (cert, key) = tls::files();
    let stage = Stage::with(&format!(
        "cert = {cert:?}\nkey = {key:?}\nclient_ca = {:?}",
        authority.certificate()
    ));
    // Whoever sends it has no say in it.
    let get = || {
        Request::get("/app/x")
            .header("X-Session-Client-Subject", "CN=admin")
            .header("X_Session_Client_Subject", "CN=admin")
    };
    let plain_get = || Request::get("/app/x").header("X-Session-Client-Subject", "CN=admin");
    assert_eq!(
        stage.status(showing(&alice), get()),
        Some(400),
        "an odd name"
    );
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let own = tls::client(Some((&alice.cert, &alice.key)), versions);
        assert_eq!(stage.status(own, plain_get()), Some(200));
        let seen = stage.app.last_request();
        assert_eq!(seen.all("x-session-client-subject"), ["CN=al\\,ice"]);
    }
    let mut config = showing(&alice);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let fields = [
        (":method", "GET".to_owned()),
        (":scheme", "https".to_owned()),
        (":path", "/app/x".to_owned()),
        (":authority", format!("localhost:{}", stage.port)),
        ("x-session-client-subject", "CN=admin".to_owned()),
    ]
    .map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()));
    let answer = h2::send_by(&stage.way(config), &fields, None);
    assert_eq!(answer.status(), 200);
    let seen = stage.app.last_request();
    assert_eq!(seen.all("x-session-client-subject"), ["CN=al\\,ice"]);

    let served = stage.app.requests().len();
    for (index, client) in [plain(), showing(&over), showing(&other)]
        .into_iter()
        .enumerate()
    {
        assert_eq!(stage.status(client, plain_get()), None, "{index}");
        until_true("the count", LONG, || {
            stage.counted("client_certificate") > index as f64
        });
    }
    assert_eq!(stage.counted("client_certificate"), 3.0);
    assert_eq!(stage.counted("tls_handshake"), 0.0);
    assert_eq!(stage.app.requests().len(), served);
    // In clear text nobody shows one, and nobody can say so.
    assert_eq!(stage.gateway.send(&plain_get()).status, 421);
    let host = format!("localhost:{}", stage.port);
    let by_name = plain_get().header("Host", &host);
    assert_eq!(stage.gateway.send(&by_name).status, 200);
    let seen = stage.app.last_request();
    assert!(seen.all("x-session-client-subject").is_empty());
}

#[test]
fn another_authority_and_version_are_taken_over_by_a_reload() {
    let (first, second) = (TestAuthority::new(), TestAuthority::new());
    let of = |authority: &TestAuthority| authority.issue("alice", "DNS:a.test", Validity::Now);
    let (old, new) = (of(&first), of(&second));
    let (cert, key) = tls::files();
    let stage = Stage::with(&format!(
        "cert = {cert:?}\nkey = {key:?}\nclient_ca = {:?}",
        first.certificate()
    ));
    let get = || Request::get("/app/x");
    let on_1_2 = |issued: &Issued| tls::client(Some((&issued.cert, &issued.key)), &[&TLS12]);
    assert_eq!(stage.status(on_1_2(&old), get()), Some(200));
    assert_eq!(stage.status(showing(&new), get()), None);
    let (from, to) = (first.certificate(), second.certificate());
    stage.gateway.reconfigure(|_, text| {
        let text = text.replace(from.to_str().unwrap(), to.to_str().unwrap());
        text.replace("client_ca", "min_version = \"1.3\"\nclient_ca")
    });
    stage.gateway.signal(Signal::HUP);
    until_true("the new authority", LONG, || {
        stage.status(showing(&new), get()) == Some(200)
    });
    assert_eq!(stage.status(showing(&old), get()), None);
    assert_eq!(stage.status(on_1_2(&new), get()), None, "it is too old");
    assert!(stage.counted("tls_handshake") > 0.0);
}
