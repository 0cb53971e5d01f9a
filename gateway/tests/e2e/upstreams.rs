//! Several servers of one app: who gets a request, what becomes of it when a server fails, and how a server comes back.

mod balance;
mod ejection;
mod health;
mod names;
mod retry;

use std::net::SocketAddr;

use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Stage};

/// A gateway with an app at `/it`. `keys` are lines of `[upstreams.it]` and of its sections.
fn in_front_of(servers: &[SocketAddr], keys: &str) -> Stage {
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    let app = format!("[upstreams.it]\nservers = {servers:?}\n{keys}\n");
    let route = "[[routes]]\npath = \"/it\"\nupstream = \"it\"\nsession = \"optional\"\n";
    Stage::with([&app, route])
}

/// A server that answers with its own name.
fn server(name: &'static str) -> RecordingUpstream {
    RecordingUpstream::start(move |_| Reply::new(200, &[], name))
}

/// A server that answers like that.
fn answering(status: u16) -> RecordingUpstream {
    RecordingUpstream::start(move |_| Reply::new(status, &[], "not well"))
}

/// What a metric says of a server.
fn of_server(stage: &Gateway, metric: &str, server: SocketAddr) -> f64 {
    let server = server.to_string();
    stage.sum(metric, &[("upstream", "it"), ("server", &server)])
}

fn wait_until_healthy(stage: &Gateway, server: SocketAddr, is_healthy: bool) {
    let expected = f64::from(u8::from(is_healthy));
    until_true("the server's health", LONG, || {
        of_server(stage, "sidgate_upstream_healthy", server) == expected
    });
}
