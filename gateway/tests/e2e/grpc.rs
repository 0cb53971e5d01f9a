//! gRPC through the gateway, with a real client and a real server: the app sees who calls, and the client sees the status.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use sidgate_testkit::django::python;
use sidgate_testkit::front::file;
use sidgate_testkit::gateway::is_open;
use sidgate_testkit::places::repository;
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::{Gateway, Stage, token};

/// A server, which ends with the test.
struct Server {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Server {
    /// `tls`: under TLS.
    fn start(tls: bool) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let mut command = script("grpc_server.py");
        command.arg(port.to_string());
        if tls {
            command.args([file("server.pem"), file("server.key")]);
        }
        let mut process = Process::start("grpc", &mut command, folder.path());
        process.wait_until(|| is_open(port));
        Self {
            _process: process,
            _folder: folder,
            port,
        }
    }
}

fn script(name: &str) -> Command {
    let packages = repository().join(".venv/grpc");
    assert!(
        packages.exists(),
        "{} is missing: scripts/bootstrap test",
        packages.display()
    );
    let mut command = guarded(&python());
    command
        .arg(repository().join("gateway/tests/backends").join(name))
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What a client is told that calls everything with `metadata`.
fn call(gateway: &Gateway, metadata: &Value) -> Value {
    let output = script("grpc_client.py")
        .args([gateway.address().to_string(), gateway.host()])
        .env("METADATA", metadata.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"))
}

/// Every value that the app saw of a field.
fn seen<'a>(answer: &'a Value, name: &str) -> Vec<&'a str> {
    let fields = answer["metadata"].as_array().unwrap().iter();
    let named = fields.filter(|field| field[0] == name);
    named.filter_map(|field| field[1].as_str()).collect()
}

fn stage(servers: &str, tls: &str) -> Stage {
    Stage::with([format!(
        "[upstreams.echo]\nservers = [{servers:?}]\nprotocol = \"h2\"\n{tls}\
         [[routes]]\npath = \"/demo.Echo\"\nupstream = \"echo\"\nsession = \"required\"\n"
    )
    .as_str()])
}

/// Every kind of call, by somebody who claims to be somebody else.
fn every_call_is_told_who_calls(stage: &Stage) {
    let sid = stage.log_in("alice@example.com");
    let told = call(
        stage,
        &json!([
            ["cookie", format!("sid={sid}; theme=dark")],
            ["x-session-user-id", "mallory"],
            ["x-session-state", "active"],
            ["x-session-assertion", "forged"],
            ["x-forwarded-for", "10.9.8.7"],
            ["x-own", "kept"],
        ]),
    );
    let key = stage.upstream_key("echo");
    let streamed = told["stream"]["answers"].as_array().unwrap();
    let talked = told["bidi"]["answers"].as_array().unwrap();
    assert_eq!((streamed.len(), talked.len()), (3, 3), "{told:#}");
    let answers = [&told["unary"]["answer"]];
    for answer in answers.into_iter().chain(streamed).chain(talked) {
        assert_eq!(seen(answer, "x-session-user-id"), ["alice"]);
        assert_eq!(seen(answer, "x-session-state"), ["active"]);
        assert_eq!(seen(answer, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(seen(answer, "x-own"), ["kept"]);
        assert_eq!(seen(answer, "cookie"), ["theme=dark"]);
        let assertions = seen(answer, "x-session-assertion");
        assert_eq!(assertions.len(), 1);
        assert_eq!(token::verify(&key, assertions[0])["sub"], "alice");
    }
    assert_eq!(talked[2]["request"], "message 2");
    for kind in ["unary", "stream", "bidi"] {
        assert_eq!(told[kind]["code"], "OK", "{told:#}");
        // What only gateway and app exchange reaches nobody, after an answer either.
        assert_eq!(told[kind]["trailers"], json!({"x-app-trailer": "whole"}));
    }
    assert_eq!(told["fail"]["code"], "NOT_FOUND");
    assert_eq!(told["fail"]["details"], "no such thing");
    assert_eq!(told["slow"]["code"], "DEADLINE_EXCEEDED");
    assert_eq!(told["nowhere"]["code"], "UNIMPLEMENTED");
    assert_eq!(told["nobody"]["code"], "UNAUTHENTICATED");
}

#[test]
fn grpc_in_clear_text() {
    let server = Server::start(false);
    let stage = stage(&format!("127.0.0.1:{}", server.port), "");
    every_call_is_told_who_calls(&stage);
}

#[test]
fn grpc_under_tls() {
    let server = Server::start(true);
    let tls = format!("tls = {{ ca = {:?} }}\n", file("authority.pem"));
    let stage = stage(&format!("https://localhost:{}", server.port), &tls);
    every_call_is_told_who_calls(&stage);
}
