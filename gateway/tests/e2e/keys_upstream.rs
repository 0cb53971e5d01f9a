//! Keys of `[upstreams.NAME]`: which server, and how long it is waited for.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, instant, until_true};
use sidgate_testkit::{App, Gateway, Reply, Request, Stage};

/// A second app at `/other`, with these keys.
fn other(server: SocketAddr, keys: &str) -> String {
    format!(
        "[upstreams.other]\nservers = [\"{server}\"]\n{keys}\n\
         [[routes]]\npath = \"/other\"\nupstream = \"other\"\nsession = \"none\"\n"
    )
}

#[test]
fn server_that_is_away_is_passed_over() {
    let app = App::start();
    let (away, here) = (free_port(), app.address());
    let gateway = Gateway::in_front_of(&app)
        .with(&format!(
            "[upstreams.app]\nservers = [\"127.0.0.1:{away}\", \"{here}\"]"
        ))
        .start();

    for _ in 0..6 {
        assert_eq!(gateway.get("/").text(), "from the app");
    }
    assert_eq!(app.requests().len(), 6);
}

#[test]
fn servers_of_an_app_take_turns() {
    let (one, two) = (App::start(), App::start());
    let gateway = Gateway::in_front_of(&one)
        .with(&format!(
            "[upstreams.app]\nservers = [\"{}\", \"{}\"]",
            one.address(),
            two.address()
        ))
        .start();

    for _ in 0..6 {
        assert_eq!(gateway.get("/").status, 200);
    }

    assert_eq!((one.requests().len(), two.requests().len()), (3, 3));
}

/// A silent app is given up after `read_timeout`; one that may be silent for longer is waited for.
#[test]
fn read_timeout_is_how_long_an_app_may_be_silent() {
    let (app, patient) = (App::start(), App::start());
    let gateway = Gateway::in_front_of(&app)
        .with("[upstreams.app]\nread_timeout = \"300ms\"")
        .with(&other(patient.address(), "read_timeout = \"1h\""))
        .start();
    for app in [&app, &patient] {
        app.on("/silent", |_| Reply::Silence);
        app.on("/other/silent", |_| Reply::Silence);
        app.on("/half", |_| {
            Reply::Open(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec())
        });
    }
    let mut waiting = gateway.connect();
    waiting.write(&Request::get("/other/silent").bytes(&gateway.host()));
    patient.wait_for(1);

    let given_up = gateway.get("/silent");
    assert_eq!(given_up.problem(504), "gateway_timeout");
    assert!(given_up.header("retry-after").is_some());

    // An answer that has begun cannot be taken back; it is broken off.
    let mut half = gateway.connect();
    half.write(&Request::get("/half").bytes(&gateway.host()));
    assert_eq!(half.read_head_only(), 200);
    half.read_to_end();

    assert!(
        waiting.is_silent(),
        "still waiting for the patient one's app"
    );
}

/// A listener whose queue is full answers no one who connects.
pub(crate) struct Full {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Full {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
        let queue = std::iter::from_fn(connect).take(10_000).collect();
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }
}

#[test]
fn connect_timeout_is_how_long_a_connection_may_take() {
    let full = Full::start();
    let address = full.address;
    let stage = Stage::with([
        &format!("[upstreams.app]\nservers = [\"{address}\"]\nconnect_timeout = \"200ms\""),
        &other(address, "connect_timeout = \"1m\""),
    ]);
    let mut patient = stage.connect();
    patient.write(&Request::get("/other").bytes(&stage.host()));

    for _ in 0..2 {
        let given_up = stage.get("/");
        assert_eq!(given_up.problem(504), "gateway_timeout");
    }

    // Longer than the default.
    thread::sleep(Duration::from_millis(2_500));
    assert!(patient.is_silent(), "still connecting");
}

/// What an app does not take is not sent on; it may still say why, for as long as it may be silent.
#[test]
fn write_timeout_is_how_long_an_app_may_take_nothing() {
    const SIZE: usize = 64 << 20;
    // Accepts and never reads.
    let deaf = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = deaf.local_addr().unwrap();
    let stage = Stage::with([
        &format!("[edge]\nmax_body_bytes = {SIZE}"),
        &format!(
            "[upstreams.app]\nservers = [\"{address}\"]\nwrite_timeout = \"300ms\"\nread_timeout = \"300ms\""
        ),
        &other(address, "write_timeout = \"1h\"\nread_timeout = \"300ms\""),
    ]);
    // Each blocks until the gateway closes its connection.
    let send = |target: &str| {
        let request = Request::post(target).body(vec![b'x'; SIZE]);
        let (mut connection, host) = (stage.connect(), stage.host());
        thread::spawn(move || connection.write(&request.bytes(&host)))
    };
    let patient = send("/other");

    send("/quick").join().unwrap();

    until_true("the line about the one that was given up", LONG, || {
        stage.stdout().contains("\"path\":\"/quick\"")
    });
    let lines = stage.stdout();
    let mut lines = lines.lines();
    let line = lines.find(|line| line.contains("\"path\":\"/quick\""));
    assert!(line.unwrap().contains("\"status\":504"), "{line:?}");
    assert!(!patient.is_finished(), "still sending");
}

#[test]
fn idle_timeout_is_how_long_an_unused_connection_is_kept() {
    let app = App::start();
    let kept = App::start();
    let gateway = Gateway::in_front_of(&app)
        // Each thread keeps connections of its own.
        .with("[server]\nthreads = 1")
        .with("[upstreams.app]\nidle_timeout = \"400ms\"")
        .with(&other(kept.address(), "idle_timeout = \"1h\""))
        .start();
    let ask_both = || {
        assert_eq!(gateway.get("/").status, 200);
        assert_eq!(gateway.get("/other").status, 200);
    };
    let begun = instant();
    ask_both();
    ask_both();
    let quick = begun.elapsed() < Duration::from_millis(300);
    let before = app.connections();
    assert!(!quick || before == 1, "a young connection is used again");

    thread::sleep(Duration::from_millis(1_000));
    ask_both();

    assert_eq!(app.connections(), before + 1, "too old to be used");
    assert_eq!(kept.connections(), 1, "young enough");
}
