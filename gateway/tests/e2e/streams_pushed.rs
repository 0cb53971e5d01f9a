//! Streams are told of their own session, and of nobody else's.

use sidgate_testkit::client::Connection;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage};

const DOWNLOAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n";
const VISITORS: usize = 20;

fn open(gateway: &Gateway, path: &str, sid: &str) -> Connection {
    let mut connection = gateway.connect();
    connection.write(&Request::get(path).sid(sid).bytes(&gateway.host()));
    assert_eq!(connection.read_head_only(), 200);
    connection
}

/// Reads of the store while people come and go.
fn reads_of_passers_by(stage: &Stage) -> f64 {
    let loads = || stage.sum("sidgate_core_total", &[("what", "store_loads")]);
    let before = loads();
    for _ in 0..VISITORS {
        let sid = stage.log_in("zoe@example.com");
        stage.log_out(&sid).must_be(204);
    }
    // Two rounds, in which every stream would have been looked at.
    std::thread::sleep(std::time::Duration::from_millis(600));
    loads() - before
}

#[test]
fn what_becomes_of_others_costs_open_streams_nothing() {
    let stage = Stage::with(["[edge]\nmax_requests = 100"]);
    stage.on("/download", |_| Reply::Open(DOWNLOAD.to_vec()));
    let without = reads_of_passers_by(&stage);
    let users: Vec<_> = (0..4)
        .map(|nth| stage.log_in(&format!("user{nth}@example.com")))
        .collect();
    let streams: Vec<_> = (0..60)
        .map(|nth| {
            let path = ["/api/auth/events", "/download"][nth % 2];
            open(&stage, path, &users[nth % 4])
        })
        .collect();

    assert_eq!(reads_of_passers_by(&stage), without);

    stage.log_out(&users[0]);
    until_true("the end of those of one session", LONG, || {
        stage.sum("sidgate_event_streams", &[]) == 15.0
    });
    drop(streams);
    until_true("the end of all", LONG, || {
        stage.sum("sidgate_event_streams", &[]) == 0.0
    });
}
