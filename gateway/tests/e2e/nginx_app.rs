//! An app behind an nginx that speaks TLS and lets in nobody but the gateway (mTLS), by HTTP/1.1 and by HTTP/2.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use sidgate_testkit::front::{client_key, file};
use sidgate_testkit::gateway::is_open;
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::{App, Gateway, Request};

/// nginx in front of an app.
struct Nginx {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Nginx {
    fn start(app: &App) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let config = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr warn;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             access_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
             server {{\n\
             listen 127.0.0.1:{port} ssl http2;\nserver_name app.internal;\n\
             ssl_certificate {server:?};\nssl_certificate_key {key:?};\n\
             ssl_client_certificate {authority:?};\nssl_verify_client on;\n\
             location / {{\n\
             proxy_pass http://{app};\nproxy_http_version 1.1;\nproxy_set_header Connection \"\";\n\
             proxy_set_header Host $http_host;\nproxy_set_header X-Nginx \"$server_protocol $ssl_client_s_dn\";\n\
             }}\n}}\n}}\n",
            server = file("server.pem"),
            key = file("server.key"),
            authority = file("authority.pem"),
            app = app.address(),
        );
        let path = folder.path().join("nginx.conf");
        fs::write(&path, config).unwrap();
        let mut command = guarded(Path::new("/usr/sbin/nginx"));
        command.arg("-p").arg(folder.path()).arg("-c").arg(&path);
        let mut process = Process::start("nginx", &mut command, folder.path());
        process.wait_until(|| is_open(port));
        Self {
            _process: process,
            _folder: folder,
            port,
        }
    }

    /// The upstream of the app; `shows`: the gateway's certificate.
    fn config(&self, protocol: &str, shows: bool) -> String {
        let (cert, key) = (file("client.pem"), client_key());
        let shown = format!(", client_cert = {cert:?}, client_key = {key:?}");
        let shown = if shows { &shown } else { "" };
        format!(
            "[upstreams.app]\nservers = [\"https://127.0.0.1:{}\"]\nprotocol = {protocol:?}\nidle_timeout = \"30s\"\n\
             tls = {{ ca = {:?}, server_name = \"app.internal\"{shown} }}\n",
            self.port,
            file("authority.pem")
        )
    }
}

#[test]
fn nginx_lets_in_whoever_shows_its_certificate() {
    let app = App::start();
    let nginx = Nginx::start(&app);
    for (protocol, spoken) in [("http1", "HTTP/1.1"), ("h2", "HTTP/2.0")] {
        let config = nginx.config(protocol, true);
        let gateway = Gateway::in_front_of(&app).with(&config).start();
        let sid = gateway.log_in("alice@example.com");
        let request = Request::post("/form?x=1")
            .sid(&sid)
            .header("X-Session-User-Id", "mallory")
            .body("a=1");
        assert_eq!(gateway.send(&request).status, 200);
        let seen = app.last_request();
        assert_eq!(
            seen.header("x-nginx").as_deref(),
            Some(&*format!("{spoken} CN=sidgate"))
        );
        assert_eq!(seen.request_line(), "POST /form?x=1");
        assert_eq!(seen.body, b"a=1");
        assert_eq!(seen.all("host"), [gateway.host()]);
        assert_eq!(seen.all("x-session-user-id"), ["alice"]);
        assert_eq!(app.assertion_in(&seen)["sub"], "alice");
    }
}

#[test]
fn nginx_refuses_whoever_shows_none() {
    let app = App::start();
    let nginx = Nginx::start(&app);
    let config = nginx.config("http1", false);
    let gateway = Gateway::in_front_of(&app).with(&config).start();
    // nginx ends the handshake well, and says so in an answer of its own.
    let response = gateway.get("/page");
    assert_eq!(response.status, 400);
    assert!(
        response
            .text()
            .contains("No required SSL certificate was sent")
    );
    assert!(app.requests().is_empty());
}
