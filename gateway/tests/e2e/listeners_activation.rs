//! Sockets that a service manager has opened, passed as systemd passes them.

use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixListener;
use std::process::Command;

use sidgate_testkit::client::Connection;
use sidgate_testkit::gateway::successors;
use sidgate_testkit::process::Process;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::wire::Way;
use sidgate_testkit::{App, Gateway, Request, places};

/// Starts the program of a stopped gateway anew with these sockets in the places of systemd.
fn start(gateway: &Gateway, sockets: &[i32]) -> Process {
    let moved = sockets
        .iter()
        .zip(3..)
        .map(|(from, to)| format!("exec {to}<&{from} {from}<&-; "));
    // High numbers first, so that none is overwritten before it is moved.
    let script = format!(
        "{}export LISTEN_FDS={} LISTEN_PID=$$; exec \"$0\" run --config \"$1\"",
        moved.collect::<String>(),
        sockets.len()
    );
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .arg(places::program())
        .arg(gateway.config_file())
        .env_remove("SIDGATE_CONFIG")
        .env("RUST_LOG", "trace");
    Process::start("activated", &mut command, gateway.folder())
}

/// A descriptor that a child gets, with a number that is not in the way.
fn passed(socket: &impl std::os::fd::AsFd) -> std::os::fd::OwnedFd {
    rustix::io::fcntl_dupfd_cloexec(socket, 50)
        .and_then(|fd| {
            rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::empty())?;
            Ok(fd)
        })
        .unwrap()
}

#[test]
fn sockets_of_the_service_manager_are_used() {
    let (app, folder) = (App::start(), tempfile::tempdir().unwrap());
    let path = folder.path().join("http.sock");
    let mut gateway = Gateway::in_front_of(&app)
        .listens_also(&format!("unix:{}", path.display()))
        .start();
    gateway.stop();
    assert!(!path.exists());
    let port = TcpListener::bind(gateway.address()).unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let strange = TcpListener::bind("127.0.0.1:0").unwrap();
    let strange_at = strange.local_addr().unwrap();
    // Somebody comes before the process is there, and is not refused.
    let mut early = Connection::open(gateway.address());
    early.write(&Request::get("/app/early").bytes(&gateway.host()));

    let given = [passed(&port), passed(&unix), passed(&strange)];
    let numbers = given.each_ref().map(|fd| fd.as_raw_fd());
    let mut process = start(&gateway, &numbers);
    drop((given, port, unix, strange));
    assert_eq!(early.read(false).status, 200);
    let mut connection = Connection::by(&Way::Unix(path.clone())).unwrap();
    connection.write(&Request::get("/app/x").bytes(&gateway.host()));
    assert_eq!(connection.read(false).status, 200);
    assert!(
        process
            .stdout()
            .contains("no listener is configured where the service manager has opened a socket"),
        "{}",
        process.output()
    );
    assert!(
        std::net::TcpStream::connect(strange_at).is_err(),
        "it is closed"
    );
    // So they are by the process that takes its place: the file is nobody's but the service manager's.
    process.signal(rustix::process::Signal::QUIT);
    let next = until("the next process", LONG, || {
        successors(&process.stdout()).last()
    });
    let mut next = process.succeeded_by(next);
    until("its end", LONG, || process.ended());
    let mut connection = Connection::by(&Way::Unix(path.clone())).unwrap();
    connection.write(&Request::get("/app/x").bytes(&gateway.host()));
    assert_eq!(connection.read(false).status, 200);
    next.signal(rustix::process::Signal::TERM);
    until("its end", LONG, || next.ended());
    until_true("the file", LONG, || path.exists());
}
