//! `sidgate dev`: a gateway for the apps on a developer's machine.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use sidgate_testkit::client::Connection;
use sidgate_testkit::gateway::is_open;
use sidgate_testkit::places::program;
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Request, Response, app, cli, login, token};

struct Dev {
    process: Process,
    port: u16,
}

impl Dev {
    fn start(folder: &Path, port: u16, upstreams: &[&str]) -> Self {
        let mut command = guarded(&program());
        command
            .current_dir(folder)
            .arg("dev")
            .args(["--port", &port.to_string()]);
        for upstream in upstreams {
            command.args(["--upstream", upstream]);
        }
        cli::clean_environment(&mut command);
        let process = Process::start("dev", &mut command, folder);
        until_true("the gateway", LONG, || is_open(port));
        Self { process, port }
    }

    fn send(&self, request: &Request) -> Response {
        let mut connection = Connection::open(([127, 0, 0, 1], self.port).into());
        connection.write(&request.bytes(&format!("localhost:{}", self.port)));
        connection.read(request.is_head())
    }

    /// The key that it prints for an app, under both names that apps read it by.
    fn key_of(&self, app: &str) -> Vec<u8> {
        let stdout = self.process.stdout();
        let line = format!("export SIDGATE_UPSTREAM={app} SIDGATE_UPSTREAM_KEY=");
        let (_, rest) = stdout.rsplit_once(&line).expect("a line to copy");
        let (key, rest) = rest.split_once(' ').unwrap();
        assert!(rest.starts_with(&format!("SIDGATE_KEY={key}\n")));
        STANDARD.decode(key).unwrap()
    }
}

/// A port with room for the admin listener, 6,901 above it.
fn port() -> u16 {
    loop {
        let port = free_port();
        if port < 58_000 && !is_open(port + 6_901) {
            return port;
        }
    }
}

#[test]
fn one_line_and_one_key_make_a_login() {
    let (backend, front, folder) = (App::start(), App::start(), TempDir::new().unwrap());
    let upstreams = [
        format!("{}={}", app::NAME, backend.address().port()),
        format!("web={}", front.address().port()),
    ];
    let upstreams = [upstreams[0].as_str(), upstreams[1].as_str()];
    let port = port();
    let mut dev = Dev::start(folder.path(), port, &upstreams);
    assert!(
        dev.process
            .stdout()
            .starts_with(&format!("Open http://localhost:{port} "))
    );
    backend.set_key(dev.key_of(app::NAME));

    let answer = dev.send(&login("alice@example.com", app::PASSWORD));
    assert_eq!(answer.status, 201, "{answer:?}");
    let sid = answer.new_sid();
    dev.send(&Request::get("/page").sid(&sid));
    dev.send(&Request::get("/admin/").sid(&sid));
    for (app, key) in [
        (&front, dev.key_of("web")),
        (&backend, dev.key_of(app::NAME)),
    ] {
        let seen = app.only_request();
        let assertion = seen.header("x-session-assertion").unwrap();
        assert_eq!(token::verify(&key, &assertion)["sub"], "alice");
    }

    // The key and the session outlive a restart, and no repository takes the folder in.
    let key = dev.key_of(app::NAME);
    dev.process.stop();
    let dev = Dev::start(folder.path(), port, &upstreams);
    assert_eq!(dev.key_of(app::NAME), key);
    let view = dev.send(&Request::get(sidgate_testkit::SESSION).sid(&sid));
    assert_eq!(view.json()["authenticated"], true);
    let ignored = std::fs::read_to_string(folder.path().join(".sidgate/.gitignore"));
    assert_eq!(ignored.unwrap(), "*\n");
}

#[test]
fn what_is_no_app_is_told_at_once() {
    let folder = TempDir::new().unwrap();
    for (upstreams, told) in [
        (&["nowhere"][..], "is not a port"),
        (&[], "--upstream"),
        (&["a b=8000"], "an upstream's name is"),
    ] {
        let upstreams = upstreams
            .iter()
            .flat_map(|upstream| ["--upstream", upstream]);
        let arguments: Vec<&str> = ["dev"].into_iter().chain(upstreams).collect();
        let outcome = cli::sidgate(folder.path(), &arguments);
        assert_ne!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(told), "{outcome:?}");
    }
}
