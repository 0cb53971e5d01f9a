//! An edge that asks the gateway (forward-auth): a real nginx, Caddy, Traefik, HAProxy or Envoy in front of the app, configured by
//! `sidgate edge-config`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::cli::sidgate;
use super::client::Connection;
use super::gateway::{Gateway, SESSION, is_open};
use super::http::{Request, Response};
use super::port::free_port;
use super::process::{Process, guarded};
use super::tls;
use super::wait::{LONG, until_true};
use super::wire::Way;

/// An edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Nginx,
    Caddy,
    Traefik,
    Haproxy,
    EnvoyHttp,
    EnvoyGrpc,
}

impl Edge {
    /// As `sidgate edge-config` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Haproxy => "haproxy",
            Self::EnvoyHttp => "envoy-http",
            Self::EnvoyGrpc => "envoy-grpc",
        }
    }

    /// Whether its port takes HTTP/2 without TLS as well. The others are given TLS.
    pub const fn speaks_h2c(self) -> bool {
        matches!(self, Self::Haproxy | Self::EnvoyHttp | Self::EnvoyGrpc)
    }

    /// Has its port speak TLS, and so HTTP/2.
    fn encrypt(self, folder: &Path, listen: &str) {
        let (cert, key) = tls::files();
        let (cert, key) = (cert.display(), key.display());
        let port = listen.rsplit(':').next().unwrap();
        let (file, from, to) = match self {
            Self::Nginx => (
                "nginx.conf",
                format!("listen {listen};"),
                format!(
                    "listen {listen} ssl http2; ssl_certificate {cert}; ssl_certificate_key {key};"
                ),
            ),
            Self::Caddy => (
                "Caddyfile",
                format!("http://:{port} {{\n"),
                format!("https://localhost:{port} {{\n\ttls {cert} {key}\n"),
            ),
            Self::Traefik => (
                "static.yml",
                format!("address: \"{listen}\"\n"),
                format!("address: \"{listen}\"\n    http: {{ tls: {{}} }}\n"),
            ),
            Self::Haproxy | Self::EnvoyHttp | Self::EnvoyGrpc => return,
        };
        let file = folder.join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(&from), "{text}");
        std::fs::write(&file, text.replacen(&from, &to, 1)).unwrap();
    }

    fn command(self, folder: &Path) -> Command {
        let file = |name: &str| folder.join(name);
        match self {
            Self::Nginx => {
                let mut command = guarded(Path::new("/usr/sbin/nginx"));
                command
                    .arg("-p")
                    .arg(folder)
                    .arg("-c")
                    .arg(file("nginx.conf"))
                    .args([
                        "-g",
                        "daemon off; master_process off; pid nginx.pid; error_log stderr warn;",
                    ]);
                command
            }
            Self::Caddy => {
                let mut command = guarded(Path::new("/usr/bin/caddy"));
                command
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(file("Caddyfile"))
                    .env("XDG_DATA_HOME", folder)
                    .env("XDG_CONFIG_HOME", folder)
                    .env("HOME", folder);
                command
            }
            Self::Traefik => {
                let mut command = guarded(&peer("traefik"));
                let mut argument = std::ffi::OsString::from("--configFile=");
                argument.push(file("static.yml"));
                command.arg(argument);
                command
            }
            Self::Haproxy => {
                let mut command = guarded(Path::new("/usr/sbin/haproxy"));
                command.args(["-db", "-f"]).arg(file("haproxy.cfg"));
                command
            }
            Self::EnvoyHttp | Self::EnvoyGrpc => {
                let mut command = guarded(&peer("envoy"));
                command
                    .args([
                        "--disable-hot-restart",
                        "--concurrency",
                        "1",
                        "-l",
                        "warning",
                        "-c",
                    ])
                    .arg(file("envoy.yaml"));
                command
            }
        }
    }
}

/// nginx writes its log and temporary files below `/var` otherwise.
fn keep_files_here(config: &Path) {
    let text = std::fs::read_to_string(config).unwrap();
    let own = "http {\n    access_log off;\n    client_body_temp_path body;\n    proxy_temp_path proxy;\n    \
               fastcgi_temp_path fastcgi;\n    uwsgi_temp_path uwsgi;\n    scgi_temp_path scgi;\n";
    std::fs::write(config, text.replacen("http {\n", own, 1)).unwrap();
}

/// A program that `scripts/bootstrap` has put beside the Python packages.
fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.venv/peers/bin")
        .join(name)
}

/// A running edge.
pub struct RunningEdge {
    edge: Edge,
    process: Process,
    port: u16,
    is_encrypted: bool,
    _folder: TempDir,
}

impl RunningEdge {
    /// Starts it with what `sidgate edge-config` prints for this gateway.
    pub fn start(edge: Edge, gateway: &Gateway) -> Self {
        Self::start_with(edge, gateway, false)
    }

    /// The same for HTTP/2: under TLS, if it needs that.
    pub fn start_for_h2(edge: Edge, gateway: &Gateway) -> Self {
        Self::start_with(edge, gateway, !edge.speaks_h2c())
    }

    fn start_with(edge: Edge, gateway: &Gateway, is_encrypted: bool) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let config = gateway.config_file();
        let (config, out) = (config.to_str().unwrap(), folder.path().to_str().unwrap());
        let listen = format!("127.0.0.1:{port}");
        let arguments = [
            "edge-config",
            edge.name(),
            "--config",
            config,
            "--listen",
            &listen,
            "--out",
            out,
        ];
        sidgate(gateway.folder(), &arguments).success();
        for name in ["body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        if edge == Edge::Nginx {
            keep_files_here(&folder.path().join("nginx.conf"));
        }
        if is_encrypted {
            edge.encrypt(folder.path(), &listen);
        }
        let mut command = edge.command(folder.path());
        let process = Process::start(edge.name(), &mut command, folder.path());
        let mut running = Self {
            edge,
            process,
            port,
            is_encrypted,
            _folder: folder,
        };
        until_true("the edge", LONG, || {
            if let Some(status) = running.process.ended() {
                panic!(
                    "{edge:?} ended with {status}:\n{}",
                    running.process.output()
                );
            }
            is_open(port) && running.has_routes(&gateway.host())
        });
        running
    }

    /// Whether it knows the way to the gateway.
    fn has_routes(&self, host: &str) -> bool {
        let Ok(mut connection) = Connection::by(&self.way(b"http/1.1")) else {
            return false;
        };
        connection.write(&Request::get(SESSION).bytes(host));
        connection.read_status() == Some(200)
    }

    /// The way to it by HTTP/2.
    pub fn h2(&self) -> Way {
        self.way(b"h2")
    }

    fn way(&self, protocol: &[u8]) -> Way {
        if !self.is_encrypted {
            return Way::Tcp(self.address());
        }
        let mut config = tls::client(None, rustls::ALL_VERSIONS);
        config.alpn_protocols = vec![protocol.to_vec()];
        Way::Tls(Arc::new(config), self.port, "localhost")
    }

    pub fn edge(&self) -> Edge {
        self.edge
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Sends a request of a browser that knows the site as `host`.
    pub fn send(&self, request: &Request, host: &str) -> Response {
        let mut connection = Connection::open(self.address());
        connection.write(&request.bytes(host));
        connection.read(request.is_head())
    }

    /// What it has written.
    pub fn output(&self) -> String {
        self.process.output()
    }
}
