//! A real balancer that speaks the PROXY protocol: HAProxy, in both versions, in clear text and before TLS.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use sidgate_testkit::gateway::is_open;
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::wire::connect_from;
use sidgate_testkit::{App, Gateway, Request, tls};

/// HAProxy from 127.0.0.2, with a port for each of these servers.
fn haproxy(folder: &Path, servers: &[(u16, String)]) -> Process {
    let mut config = "global\n  maxconn 50\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 15s\n  timeout server 15s\n"
        .to_owned();
    for (port, server) in servers {
        config.push_str(&format!(
            "listen l{port}\n  bind 127.0.0.1:{port}\n  server a {server} source 127.0.0.2\n"
        ));
    }
    let file = folder.join("haproxy.cfg");
    fs::write(&file, config).unwrap();
    let mut command: Command = guarded(Path::new("/usr/sbin/haproxy"));
    command.args(["-db", "-f"]).arg(&file);
    let process = Process::start("haproxy", &mut command, folder);
    for (port, _) in servers {
        until_true("haproxy", LONG, || is_open(*port));
    }
    process
}

#[test]
fn a_real_balancer_tells_its_clients_address() {
    let (app, tls_port) = (App::start(), free_port());
    let (cert, key) = tls::files();
    let gateway = Gateway::in_front_of(&app)
        .with(&format!(
            "[server]\nproxy_protocol_from = [\"127.0.0.2\"]\n[server.tls]\nlisten = [\"127.0.0.1:{tls_port}\"]\n\
             cert = {cert:?}\nkey = {key:?}"
        ))
        .start();
    let folder = tempfile::tempdir().unwrap();
    let plain = gateway.address();
    let over_tls = format!("127.0.0.1:{tls_port}");
    let ports = [free_port(), free_port(), free_port(), free_port()];
    let _haproxy = haproxy(
        folder.path(),
        &[
            (ports[0], format!("{plain} send-proxy")),
            (ports[1], format!("{plain} send-proxy-v2")),
            (ports[2], format!("{over_tls} send-proxy")),
            (
                ports[3],
                format!("{over_tls} send-proxy-v2 proxy-v2-options crc32c"),
            ),
        ],
    );
    let visitor = Ipv4Addr::new(127, 0, 0, 9);
    let request = Request::get("/app/x").header("Connection", "close");
    let request = request.bytes(&gateway.host());
    for port in ports {
        let socket = connect_from(visitor, (Ipv4Addr::LOCALHOST, port).into()).unwrap();
        let before = app.requests().len();
        if port == ports[0] || port == ports[1] {
            use std::io::{Read as _, Write as _};
            let mut socket = socket;
            socket.write_all(&request).unwrap();
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{port}");
        } else {
            assert_eq!(tls::send_over(socket, &request).status, 200, "{port}");
        }
        assert_eq!(app.requests().len(), before + 1);
        assert_eq!(app.last_request().all("x-forwarded-for"), ["127.0.0.9"]);
    }
}
