//! A running gateway that is told to stop, or to read its configuration again.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use sidgate_testkit::app::NAME;
use sidgate_testkit::client::Connection;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage};

fn add_to_config(gateway: &Gateway, text: &str) {
    let file = gateway.config_file();
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{config}\n{text}")).unwrap();
}

fn new_route(path: &str) -> String {
    format!("[[routes]]\npath = \"{path}\"\nupstream = \"{NAME}\"\nsession = \"required\"\n")
}

#[test]
fn hangup_exchanges_the_routes() {
    let (stage, sid) = Stage::start().and_alice();
    assert_eq!(stage.get("/new").status, 200);

    add_to_config(&stage, &new_route("/new"));
    stage.signal(Signal::HUP);

    until_true("the new route", LONG, || stage.get("/new").status == 401);
    assert_eq!(stage.get_as(&sid, "/new").status, 200);
}

#[test]
fn hangup_with_a_bad_file_changes_nothing() {
    let (stage, sid) = Stage::start().and_alice();

    add_to_config(&stage, &(new_route("/new") + "sesion = \"none\"\n"));
    stage.signal(Signal::HUP);

    until_true("a word about the bad file", LONG, || {
        stage.output().contains("sesion")
    });
    assert_eq!(stage.get("/new").status, 200);
    assert!(stage.knows(&sid));
    assert!(stage.is_ready());
}

#[test]
fn hangup_that_would_need_a_restart_changes_nothing() {
    let stage = Stage::start();

    add_to_config(
        &stage,
        &(new_route("/new") + "[session]\nabsolute_timeout = \"1h\"\n"),
    );
    stage.signal(Signal::HUP);

    until_true("a word about the restart", LONG, || {
        stage.output().contains("session.absolute_timeout")
    });
    assert_eq!(stage.get("/new").status, 200);
}

#[test]
fn termination_ends_readiness_before_the_listeners() {
    let stage = Stage::start();

    stage.signal(Signal::TERM);

    until_true("the end of readiness", LONG, || !stage.is_ready());
    assert_eq!(stage.get("/").status, 200);
}

#[test]
fn request_under_way_is_finished_while_draining() {
    let mut stage = Stage::with(["[server]\ndrain_timeout = \"10s\""]);
    let (finish, finished) = std::sync::mpsc::channel::<()>();
    let finished = std::sync::Mutex::new(finished);
    stage.on("/slow", move |_| {
        finished.lock().unwrap().recv().unwrap();
        Reply::ok()
    });
    let mut connection = stage.connect();
    connection.write(&Request::get("/slow").bytes(&stage.host()));
    stage.app.wait_for(1);

    stage.signal(Signal::TERM);
    until("the listeners to close", LONG, || {
        let address = ([127, 0, 0, 1], stage.public_port());
        std::net::TcpStream::connect(std::net::SocketAddr::from(address)).err()
    });
    finish.send(()).unwrap();

    assert_eq!(connection.read(false).text(), "from the app");
    drop(connection);
    assert!(stage.stop().success());
}

/// Nobody waits for requests that are not there: a restart takes a moment, not `drain_timeout`.
#[test]
fn idle_gateway_stops_at_once() {
    let mut stage = Stage::with(["[server]\ndrain_timeout = \"10m\""]);
    let mut idle = stage.connect();
    idle.write(&Request::get("/").bytes(&stage.host()));
    assert_eq!(idle.read(false).status, 200);

    stage.signal(Signal::TERM);

    assert!(stage.stop().success());
}

/// Shorter than a second is not "at once", nor for ever.
#[test]
fn request_that_does_not_end_is_given_up_after_the_drain() {
    let mut stage = Stage::with(["[server]\ndrain_timeout = \"300ms\""]);
    stage.on("/silent", |_| Reply::Silence);
    let mut connection = stage.connect();
    connection.write(&Request::get("/silent").bytes(&stage.host()));
    stage.app.wait_for(1);

    stage.signal(Signal::TERM);

    assert!(stage.stop().success());
    assert!(connection.is_closed());
}

/// Catalogue M01: nobody is refused while one process takes the place of another.
#[test]
fn upgrade_refuses_nobody() {
    let (mut stage, sid) = Stage::with(["[server]\ndrain_timeout = \"5s\""]).and_alice();
    let (port, host) = (stage.public_port(), stage.host());
    let done = Arc::new(AtomicBool::new(false));
    let visitor = {
        let done = Arc::clone(&done);
        let request = Request::get("/required").sid(&sid).bytes(&host);
        std::thread::spawn(move || {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
            let mut served = 0;
            while !done.load(Ordering::Relaxed) {
                let mut connection = Connection::open(address);
                connection.write(&request);
                assert_eq!(connection.read(false).status, 200);
                served += 1;
            }
            served
        })
    };

    let ended = stage.hand_over();
    stage.wait_until_ready();
    done.store(true, Ordering::Relaxed);

    assert!(ended.success(), "{ended:?}");
    assert!(
        visitor.join().unwrap() > 100,
        "a visit now and then proves little"
    );
    assert!(stage.knows(&sid));
}
