//! The balancers of `deploy/examples` in front of a gateway: the app learns who the client is, whatever the client says.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use sidgate_testkit::gateway::is_open;
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::wire::connect_from;
use sidgate_testkit::{App, Gateway, Request, tls};

const HOST: &str = "app.example.com";
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
/// Where the balancer's connections come from.
const BALANCER: &str = "127.0.0.2";

/// A file of `deploy/examples` with these words in place of those.
fn example(name: &str, changes: &[(&str, &str)]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    let mut text = fs::read_to_string(file.join(name)).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name}: {from}");
        text = text.replace(from, to);
    }
    text
}

/// Starts the program with its configuration, and waits until it listens.
fn start(name: &str, command: &mut Command, folder: &TempDir, port: u16) -> Process {
    let process = Process::start(name, command, folder.path());
    until_true(name, LONG, || is_open(port));
    process
}

fn haproxy(folder: &TempDir, config: &str, port: u16) -> Process {
    let file = folder.path().join("haproxy.cfg");
    fs::write(&file, config).unwrap();
    let mut command = guarded(Path::new("/usr/sbin/haproxy"));
    command.args(["-db", "-f"]).arg(&file);
    start("haproxy", &mut command, folder, port)
}

fn nginx(folder: &TempDir, config: &str, port: u16) -> Process {
    let file = folder.path().join("nginx.conf");
    let around = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 64; }}\nhttp {{\n\
         access_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\nproxy_bind {BALANCER};\n{config}}}\n"
    );
    fs::write(&file, around).unwrap();
    let mut command = guarded(Path::new("/usr/sbin/nginx"));
    command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
    start("nginx", &mut command, folder, port)
}

/// A gateway that says of the balancer what the example for it says.
fn gateway(app: &App, trust: &str, tls: &str) -> Gateway {
    let server = format!(
        "[server]\npublic_origin = \"https://{HOST}\"\nhosts = [\"{HOST}\"]\nhealth_path = \"/healthz\"\n\
         {trust} = [\"{BALANCER}\"]\n{tls}"
    );
    Gateway::in_front_of(app).with(&server).start()
}

/// Certificate and key in one file, as HAProxy wants them.
fn pair(folder: &TempDir) -> String {
    let (cert, key) = tls::files();
    let both = fs::read_to_string(key).unwrap() + &fs::read_to_string(cert).unwrap();
    let file = folder.path().join("site.pem");
    fs::write(&file, both).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A client who claims to be somebody else gets through the balancer, and the app knows better.
fn comes_as_who_it_is(app: &App, port: u16) {
    let request = Request::get("/app/x")
        .header("Connection", "close")
        .header("X-Forwarded-For", "203.0.113.77")
        .header("X-Forwarded-Proto", "http");
    let socket = connect_from(CLIENT, (Ipv4Addr::LOCALHOST, port).into()).unwrap();

    let answer = tls::send_over(socket, &request.bytes(HOST));

    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = app.last_request();
    assert_eq!(seen.all("x-forwarded-for"), [CLIENT.to_string()]);
    assert_eq!(seen.all("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.all("host"), [HOST]);
}

#[test]
fn haproxy_that_speaks_http() {
    let (app, folder, port) = (App::start(), TempDir::new().unwrap(), free_port());
    let gateway = gateway(&app, "trusted_proxies", "");
    let server = format!("{} source {BALANCER}", gateway.address());
    let config = example(
        "production-haproxy-http.cfg",
        &[
            ("/run/haproxy", folder.path().to_str().unwrap()),
            ("bind :80", &format!("bind 127.0.0.1:{}", free_port())),
            ("bind :443", &format!("bind 127.0.0.1:{port}")),
            ("/etc/haproxy/site.pem", &pair(&folder)),
            ("10.0.0.20:8080", &server),
            ("10.0.0.21:8080", &server),
        ],
    );

    let _haproxy = haproxy(&folder, &config, port);

    comes_as_who_it_is(&app, port);
}

#[test]
fn haproxy_that_passes_tcp_on() {
    let (app, folder, port) = (App::start(), TempDir::new().unwrap(), free_port());
    let (tls_port, (cert, key)) = (free_port(), tls::files());
    let listener = format!(
        "[server.tls]\nlisten = [\"127.0.0.1:{tls_port}\"]\ncert = {cert:?}\nkey = {key:?}"
    );
    let gateway = gateway(&app, "proxy_protocol_from", &listener);
    let (plain, over_tls) = (
        format!("{} source {BALANCER}", gateway.address()),
        format!("127.0.0.1:{tls_port} source {BALANCER}"),
    );
    let config = example(
        "production-haproxy-tcp.cfg",
        &[
            ("bind :80", &format!("bind 127.0.0.1:{}", free_port())),
            ("bind :443", &format!("bind 127.0.0.1:{port}")),
            ("10.0.0.20:8080", &plain),
            ("10.0.0.21:8080", &plain),
            ("10.0.0.20:8443", &over_tls),
            ("10.0.0.21:8443", &over_tls),
            ("port 8080", &format!("port {}", gateway.public_port())),
        ],
    );

    let _haproxy = haproxy(&folder, &config, port);

    comes_as_who_it_is(&app, port);
}

#[test]
fn nginx_that_ends_tls() {
    let (app, folder, port) = (App::start(), TempDir::new().unwrap(), free_port());
    let gateway = gateway(&app, "trusted_proxies", "");
    let (cert, key) = tls::files();
    let server = gateway.address().to_string();
    let config = example(
        "production-nginx.conf",
        &[
            ("listen 80;", &format!("listen 127.0.0.1:{};", free_port())),
            ("listen 443", &format!("listen 127.0.0.1:{port}")),
            ("/etc/nginx/fullchain.pem", cert.to_str().unwrap()),
            ("/etc/nginx/privkey.pem", key.to_str().unwrap()),
            ("10.0.0.20:8080", &server),
            ("10.0.0.21:8080", &server),
        ],
    );

    let _nginx = nginx(&folder, &config, port);

    comes_as_who_it_is(&app, port);
}
