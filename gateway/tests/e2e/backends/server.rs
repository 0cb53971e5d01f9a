//! A real server with an app that writes down what it sees.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

use sidgate_testkit::django::python;
use sidgate_testkit::gateway::is_open;
use sidgate_testkit::places::repository;
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};

/// The servers that Django and Next.js apps run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    OldGunicorn,
    Gunicorn,
    /// At a unix socket.
    GunicornSocket,
    Uvicorn,
    Node,
}

/// A request as the app saw it. One character for each byte.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
}

/// The running server.
pub(super) struct Server {
    _process: Process,
    folder: TempDir,
    /// As `servers` names it.
    address: String,
    /// How much of the file has been read.
    read: Cell<usize>,
}

impl Server {
    pub(super) fn start(kind: Kind) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let socket = folder.path().join("app.sock");
        let bind = match kind {
            Kind::GunicornSocket => format!("unix:{}", socket.display()),
            _ => format!("127.0.0.1:{port}"),
        };
        let mut command = kind.command(port, &bind);
        let seen = folder.path().join("seen");
        fs::write(&seen, "").unwrap();
        command
            .current_dir(apps())
            .env("SEEN", &seen)
            .env("PORT", port.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let mut process = Process::start("server", &mut command, folder.path());
        process.wait_until(|| socket.exists() || is_open(port));
        Self {
            _process: process,
            folder,
            address: bind,
            read: Cell::new(0),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What the app has seen since this was last asked.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let text = fs::read_to_string(self.folder.path().join("seen")).unwrap();
        let new = &text[self.read.replace(text.len())..];
        new.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Kind {
    fn command(self, port: u16, bind: &str) -> Command {
        if self == Self::Node {
            let mut command = guarded(&node());
            command.arg("node.mjs");
            return command;
        }
        let mut command = guarded(&python());
        match self {
            Self::Uvicorn => command
                .args(["-m", "uvicorn", "asgi:app", "--lifespan", "off"])
                .args(["--no-proxy-headers", "--port", &port.to_string()]),
            _ => command.args(["-m", "gunicorn", "wsgi:app", "--bind", bind]),
        };
        if self == Self::OldGunicorn {
            let old = repository().join(".venv/old-gunicorn");
            assert!(
                old.exists(),
                "there is no {}: `make test` makes it",
                old.display()
            );
            command.env("PYTHONPATH", old);
        }
        command
    }
}

fn apps() -> PathBuf {
    repository().join("gateway/tests/backends")
}

fn node() -> PathBuf {
    let script = repository().join("scripts/js");
    let found = Command::new(script).arg("node").output().unwrap();
    assert!(
        found.status.success(),
        "there is no Node.js: `make test` installs it"
    );
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
}
