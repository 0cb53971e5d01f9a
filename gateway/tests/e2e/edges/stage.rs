//! A gateway that an edge asks, and the edge in front of the app.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use sidgate_testkit::edge::{Edge, RunningEdge};
use sidgate_testkit::port::free_port;
use sidgate_testkit::{Request, Response, Stage};

/// Wait for an answer that may not come.
const PATIENCE: Duration = Duration::from_millis(700);

pub(super) struct Edged {
    pub(super) edge: RunningEdge,
    pub(super) stage: Stage,
    pub(super) authz: u16,
}

impl Edged {
    pub(super) fn start(edge: Edge) -> Self {
        Self::with(edge, "")
    }

    /// With this TOML over the configuration.
    pub(super) fn with(edge: Edge, toml: &str) -> Self {
        let authz = free_port();
        let asked = format!("[authz]\nlisten = [\"127.0.0.1:{authz}\"]");
        let stage = Stage::with([&asked, toml]);
        let edge = RunningEdge::start(edge, &stage.gateway);
        Self { edge, stage, authz }
    }

    /// Sends a request to the edge.
    pub(super) fn send(&self, request: &Request) -> Response {
        self.edge.send(request, &self.stage.host())
    }

    pub(super) fn get(&self, path: &str) -> Response {
        self.send(&Request::get(path))
    }

    pub(super) fn get_as(&self, sid: &str, path: &str) -> Response {
        self.send(&Request::get(path).sid(sid))
    }

    /// Sends bytes as they are, and waits for the beginning of an answer, but not for long: an edge may wait for more bytes.
    pub(super) fn exchange(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(self.edge.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may close before it has read everything.
        let _written = stream.write_all(bytes);
        let mut block = [0; 512];
        let _read = stream.read(&mut block);
    }

    /// The edge, for messages.
    pub(super) fn name(&self) -> &'static str {
        self.edge.edge().name()
    }
}
