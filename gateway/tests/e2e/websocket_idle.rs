//! How long a WebSocket may be silent: `websocket_idle`, whoever is silent, and not `read_timeout`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use sidgate_testkit::client::Connection;
use sidgate_testkit::django::python;
use sidgate_testkit::places::repository;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::wait::{LONG, instant, until, until_true};
use sidgate_testkit::{App, Gateway, Request};

use crate::causes::lines;

const SWITCHED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An app whose sockets are left to the test, once their handshake is read.
struct Sockets {
    address: String,
    taken: Receiver<TcpStream>,
}

impl Sockets {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (give, taken) = channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                    head.push(byte[0]);
                }
                if give.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { address, taken }
    }
}

fn gateway(app: &App, sockets: &Sockets, idle: &str) -> Gateway {
    let config = format!(
        "[upstreams.sockets]\nservers = [{:?}]\nread_timeout = \"500ms\"\nwebsocket_idle = {idle:?}\n\
         [[routes]]\npath = \"/socket\"\nupstream = \"sockets\"\nsession = \"optional\"\n",
        sockets.address
    );
    Gateway::in_front_of(app).with(&config).start()
}

fn handshake() -> Request {
    Request::get("/socket").websocket()
}

fn ask(gateway: &Gateway) -> Connection {
    let mut connection = gateway.connect();
    connection.write(&handshake().bytes(&gateway.host()));
    connection
}

/// Both ends of a WebSocket.
fn open(gateway: &Gateway, sockets: &Sockets) -> (Connection, TcpStream) {
    let mut ours = ask(gateway);
    let mut theirs = sockets.taken.recv_timeout(LONG).unwrap();
    theirs.set_read_timeout(Some(LONG)).unwrap();
    theirs.write_all(SWITCHED).unwrap();
    assert_eq!(ours.read_head_only(), 101);
    (ours, theirs)
}

#[test]
fn silence_longer_than_read_timeout_ends_no_websocket() {
    let (app, sockets) = (App::start(), Sockets::start());
    let gateway = gateway(&app, &sockets, "1h");
    let (mut ours, mut theirs) = open(&gateway, &sockets);
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(1_500));
        assert!(!ours.is_closed());
        ours.write(b"ping");
        let mut heard = [0; 4];
        theirs.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"ping");
        theirs.write_all(b"pong").unwrap();
        assert_eq!(ours.read_exactly(4), b"pong");
    }
}

#[test]
fn silence_of_both_sides_ends_it_and_that_of_one_does_not() {
    let (app, sockets) = (App::start(), Sockets::start());
    let gateway = gateway(&app, &sockets, "3s");
    // Who speaks: neither, the client, the app.
    for speaks in [(false, false), (true, false), (false, true)] {
        let (mut ours, mut theirs) = open(&gateway, &sockets);
        let begun = instant();
        while speaks != (false, false) && begun.elapsed() < Duration::from_secs(7) {
            if speaks.0 {
                ours.write(b".");
            }
            if speaks.1 {
                theirs.write_all(b".").unwrap();
                assert_eq!(ours.read_exactly(1), b".");
            } else {
                assert!(!ours.is_closed(), "{speaks:?} after {:?}", begun.elapsed());
            }
            thread::sleep(Duration::from_millis(250));
        }
        until_true("the end of the silence", LONG, || ours.is_closed());
        let mut rest = Vec::new();
        let _closed = theirs.read_to_end(&mut rest);
    }
}

/// A browser cannot tell an answer to a handshake from none.
#[test]
fn a_handshake_that_nobody_answers_ends_after_read_timeout() {
    let (app, sockets) = (App::start(), Sockets::start());
    let gateway = gateway(&app, &sockets, "1h");
    let mut ours = ask(&gateway);
    let _silent = sockets.taken.recv_timeout(LONG).unwrap();
    until_true("the end", LONG, || ours.is_closed());
    let line = until("the line", LONG, || lines(&gateway, "request failed").pop());
    assert_eq!(line["kind"], "read_timeout", "{line:#}");
    assert_eq!(line["upstream"], "sockets");
    until_true("the access line", LONG, || {
        gateway.stdout().contains(r#""outcome":"gateway_timeout""#)
    });
    let labels = [("upstream", "sockets"), ("kind", "read_timeout")];
    assert_eq!(gateway.sum("sidgate_upstream_errors_total", &labels), 1.0);
}

/// One frame of text, up to 125 bytes, as a client sends it: masked, here by nothing.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let mut bytes = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// The text of the next frame.
fn text(connection: &mut Connection) -> String {
    let head = connection.read_exactly(2);
    assert_eq!(head[0], 0x81, "text");
    String::from_utf8(connection.read_exactly(usize::from(head[1]))).unwrap()
}

#[test]
fn uvicorn_at_a_socket_keeps_a_websocket_with_its_identity() {
    let (app, folder) = (App::start(), TempDir::new().unwrap());
    let socket = folder.path().join("uvicorn.sock");
    let mut command = guarded(&python());
    command
        .args([
            "-m",
            "uvicorn",
            "asgi_socket:app",
            "--lifespan",
            "off",
            "--uds",
        ])
        .arg(&socket)
        .current_dir(repository().join("gateway/tests/backends"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let mut process = Process::start("uvicorn", &mut command, folder.path());
    process.wait_until(|| UnixStream::connect(&socket).is_ok());
    let config = format!(
        "[upstreams.sockets]\nservers = [\"unix:{}\"]\nread_timeout = \"2s\"\n\
         [[routes]]\npath = \"/socket\"\nupstream = \"sockets\"\nsession = \"required\"\n",
        socket.display()
    );
    let gateway = Gateway::in_front_of(&app).with(&config).start();
    let sid = gateway.log_in("alice@example.com");
    let mut ours = gateway.connect();
    let handshake = handshake().sid(&sid).header("X-Session-User-Id", "mallory");
    ours.write(&handshake.bytes(&gateway.host()));
    assert_eq!(ours.read_head_only(), 101);
    assert_eq!(text(&mut ours), "alice");
    thread::sleep(Duration::from_secs(3));
    ours.write(&frame("still here"));
    assert_eq!(text(&mut ours), "still here");
}
