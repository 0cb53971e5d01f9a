//! `sidgate healthcheck`: what an image without a shell, systemd and compose ask.

use std::fs;
use std::net::TcpListener;

use session_testing::TestPostgres;
use tempfile::TempDir;

use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::port::free_port;
use sidgate_testkit::stores::store_config;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Stage};

/// Asks as `gateway`'s own configuration says.
fn check(gateway: &Gateway) -> Outcome {
    let config = gateway.config_file();
    let arguments = ["healthcheck", "--config", config.to_str().unwrap()];
    sidgate(gateway.folder(), &arguments)
}

/// Asks at a URL, where there is no configuration.
fn check_at(url: &str) -> Outcome {
    let folder = TempDir::new().unwrap();
    sidgate(
        folder.path(),
        &["healthcheck", "--timeout", "300ms", "--url", url],
    )
}

fn refused(outcome: &Outcome, why: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.contains(why), "{why}: {outcome:?}");
}

#[test]
fn a_ready_gateway_is_told_from_one_whose_store_is_away() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let token = "[admin]\ntoken = \"${ADMIN_TOKEN}\"";
    let stage = Stage::built(|gateway| {
        let gateway = gateway.with(&store_config(&database));
        gateway.with(token).env("ADMIN_TOKEN", &"t".repeat(32))
    });
    // The token is known to the gateway alone: none is needed.
    assert_eq!(check(&stage).success(), "ready\n");

    postgres.pause();
    until_true("the end of the lease", LONG, || !stage.is_ready());

    let away = check(&stage);
    refused(&away, "not ready: failing: ");
    assert!(away.stderr.contains("lease"), "{away:?}");
    let admin = stage.admin_address();
    let even_so = check_at(&format!("http://{admin}/readyz?ignore=lease"));
    assert_eq!(even_so.success(), "ready\n");
    postgres.resume();
}

#[test]
fn the_public_listeners_are_asked_by_port_and_by_socket() {
    let (app, folder) = (App::start(), TempDir::new().unwrap());
    let socket = folder.path().join("http.sock");
    let gateway = Gateway::in_front_of(&app)
        .listens_also(&format!("unix:{}", socket.display()))
        .with("[server]\nhealth_path = \"/healthz\"")
        .start();

    let port = gateway.public_port();
    for url in [
        format!("http://127.0.0.1:{port}/healthz"),
        format!("http://localhost:{port}/healthz"),
        format!("http://unix:{}:/healthz", socket.display()),
    ] {
        assert_eq!(check_at(&url).success(), "ready\n", "{url}");
    }
    refused(&check_at(&format!("http://127.0.0.1:{port}/")), "status ");
    let absent = folder.path().join("absent.sock");
    let absent = format!("http://unix:{}:/healthz", absent.display());
    refused(&check_at(&absent), "nobody listens there");
}

#[test]
fn nobody_and_a_server_that_hangs_are_not_ready() {
    let nobody = format!("http://127.0.0.1:{}/readyz", free_port());
    refused(&check_at(&nobody), "nobody listens there");

    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = format!("http://{}/readyz", bound.local_addr().unwrap());
    refused(&check_at(&hanging), "no answer within 300ms");
}

#[test]
fn what_does_not_say_where_to_ask_is_exit_code_78() {
    let folder = TempDir::new().unwrap();
    let ask = || sidgate(folder.path(), &["healthcheck", "--config", "sidgate.toml"]);
    assert_eq!(ask().code, Some(78), "there is none");
    for wrong in ["[server", "[server]\nadmin_listen = \"here\""] {
        fs::write(folder.path().join("sidgate.toml"), wrong).unwrap();
        let outcome = ask();
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
        assert!(outcome.stderr.contains("sidgate.toml"), "{outcome:?}");
    }
    let wrong = sidgate(folder.path(), &["healthcheck", "--url", "https://x"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
