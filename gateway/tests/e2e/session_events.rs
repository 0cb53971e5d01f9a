//! The event stream of a session: what becomes of it reaches its pages at once.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use sidgate_testkit::client::Connection;
use sidgate_testkit::wait::{LONG, instant, until_true};
use sidgate_testkit::{Gateway, Request, Stage};

const EVENTS: &str = "/api/auth/events";
/// How soon a page hears of the end of its session.
const SOON: Duration = Duration::from_secs(1);

/// An open stream, after its first bytes.
struct Stream(Connection);

impl Stream {
    fn open(gateway: &Gateway, sid: &str) -> Self {
        let mut connection = gateway.connect();
        connection.write(&Request::get(EVENTS).sid(sid).bytes(&gateway.host()));
        assert_eq!(connection.read_head_only(), 200);
        let first = connection.read_chunk();
        assert_eq!(first, b"retry: 2000\n: session events\n\n");
        Self(connection)
    }

    /// The next event; comments are skipped.
    fn next(&mut self) -> (String, Value) {
        loop {
            let chunk = String::from_utf8(self.0.read_chunk()).unwrap();
            if chunk.starts_with(':') {
                continue;
            }
            let text = chunk
                .strip_suffix("\n\n")
                .expect("an event ends in an empty line");
            let (name, data) = text.split_once('\n').expect("two lines");
            let name = name.strip_prefix("event: ").unwrap().to_owned();
            let data = data.strip_prefix("data: ").expect("one line of data");
            return (name, serde_json::from_str(data).unwrap());
        }
    }

    fn hears_the_end(mut self, reason: &str) {
        let start = instant();
        assert_eq!(
            self.next(),
            ("revoked".to_owned(), json!({"reason": reason}))
        );
        assert_eq!(self.0.read_chunk(), b"", "the stream ends with its session");
        assert!(start.elapsed() < SOON * 2, "after {:?}", start.elapsed());
        assert!(
            self.0.read_to_end().is_empty(),
            "and so does the connection"
        );
    }
}

#[test]
fn stream_says_that_it_is_one() {
    let (stage, sid) = Stage::start().and_alice();
    let mut stream = stage.connect();
    stream.write(&Request::get(EVENTS).sid(&sid).bytes(&stage.host()));

    let head = stream.read_fields();

    let field = |name: &str| sidgate_testkit::http::single(&head, name).map(str::to_owned);
    assert_eq!(field("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(field("cache-control").as_deref(), Some("no-store"));
    assert_eq!(field("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!(field("transfer-encoding").as_deref(), Some("chunked"));
    assert!(stage.app.requests().is_empty());
}

#[test]
fn logout_is_heard_by_every_page_of_that_session_only() {
    let stage = Stage::start();
    let [mine, other] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    let pages = [(); 2].map(|()| Stream::open(&stage, &mine));
    let mut unconcerned = Stream::open(&stage, &other);

    stage.log_out(&mine);

    for page in pages {
        page.hears_the_end("logout");
    }
    assert!(!unconcerned.0.is_closed());
}

#[test]
fn device_ended_from_another_one_hears_why() {
    let stage = Stage::start();
    let [mine, lost] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    let view = stage.session_of(&lost);
    let id = view["session"]["id"].as_str().unwrap();
    let page = Stream::open(&stage, &lost);

    let request = Request::delete(&format!("/api/auth/sessions/{id}")).sid(&mine);
    assert_eq!(stage.send(&request).status, 204);

    page.hears_the_end("device");
}

#[test]
fn logout_everywhere_is_heard_everywhere() {
    let stage = Stage::start();
    let [mine, other] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    let pages = [&mine, &other].map(|sid| Stream::open(&stage, sid));

    let request = Request::delete("/api/auth/sessions?scope=all").sid(&mine);
    assert_eq!(stage.send(&request).status, 200);

    for page in pages {
        page.hears_the_end("logout_everywhere");
    }
}

#[test]
fn update_of_the_identity_brings_the_new_view() {
    let stage = Stage::start();
    let identity = json!({"user": {"name": "Alicia"}, "needs_onboarding": true});
    stage.says("/update", json!([{"type": "update", "identity": identity}]));
    let sid = stage.log_in("alice@example.com");
    let mut page = Stream::open(&stage, &sid);

    stage.send(&Request::post("/update").sid(&sid));

    let (name, view) = page.next();
    assert_eq!(name, "updated");
    assert_eq!(view["user"]["name"], "Alicia");
    assert_eq!(view["needsOnboarding"], true);
    assert_eq!(
        view["session"]["id"],
        stage.session_of(&sid)["session"]["id"]
    );
    assert!(!page.0.is_closed());
}

#[test]
fn absolute_end_is_announced_and_then_comes() {
    let (stage, sid) = Stage::with(["[session]\nabsolute_timeout = \"10s\""]).and_alice();
    let expires_at = stage.session_of(&sid)["session"]["expiresAt"].clone();
    let mut page = Stream::open(&stage, &sid);

    assert_eq!(
        page.next(),
        ("expiring".to_owned(), json!({"expiresAt": expires_at}))
    );

    page.hears_the_end("expired");
}

#[test]
fn idle_end_is_announced_and_then_comes() {
    let (stage, sid) = Stage::with(["[session]\nidle_timeout = \"10s\""]).and_alice();
    let mut page = Stream::open(&stage, &sid);

    let (name, _) = page.next();

    assert_eq!(name, "expiring");
    let (name, data) = page.next();
    assert_eq!((&*name, &data["reason"]), ("revoked", &json!("idle")));
}

#[test]
fn open_page_does_not_count_as_use() {
    let (stage, sid) = Stage::with(["[session]\nidle_timeout = \"2s\""]).and_alice();

    let start = instant();
    let ended = || {
        let mut connection = stage.connect();
        connection.write(&Request::get(EVENTS).sid(&sid).bytes(&stage.host()));
        connection.read_head_only() == 401
    };
    until_true("the idle end of the session", LONG, ended);
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn silence_is_filled_with_comments() {
    let (stage, sid) = Stage::start().and_alice();
    let mut page = Stream::open(&stage, &sid);

    // The support client gives up after 15 s of silence on a socket; the comment comes just then.
    std::thread::sleep(Duration::from_secs(8));

    assert_eq!(page.0.read_chunk(), b": still here\n\n");
}

#[test]
fn stream_needs_a_session_of_ones_own_site() {
    let (stage, sid) = Stage::start().and_alice();

    assert_eq!(stage.get(EVENTS).problem(401), "unauthenticated");
    let foreign = Request::get(EVENTS)
        .sid(&sid)
        .header("Sec-Fetch-Site", "cross-site");
    assert_eq!(stage.send(&foreign).problem(403), "cross_site");
    let post = stage.send(&Request::post(EVENTS).sid(&sid));
    assert_eq!(post.problem(405), "method_not_allowed");
    assert_eq!(post.header("allow"), Some("GET"));
}

fn open_streams(gateway: &Gateway) -> f64 {
    gateway.sum("sidgate_event_streams", &[])
}

#[test]
fn number_of_streams_is_bounded_and_closed_ones_do_not_count() {
    let stage = Stage::with(["[endpoints]\nmax_streams = 18"]);
    let [alice, bob] = ["alice", "bob"].map(|user| stage.log_in(&format!("{user}@example.com")));
    let of_alice: Vec<_> = (0..16).map(|_| Stream::open(&stage, &alice)).collect();

    let one_more = stage.get_as(&alice, EVENTS);
    assert_eq!(one_more.problem(429), "too_many_streams");
    let _of_bob = [(); 2].map(|()| Stream::open(&stage, &bob));
    let one_more = stage.get_as(&bob, EVENTS);
    assert_eq!(one_more.problem(503), "too_many_streams");
    assert_eq!(open_streams(&stage), 18.0);

    drop(of_alice);

    until_true("the closed ones to be noticed", SOON * 3, || {
        open_streams(&stage) == 2.0
    });
    Stream::open(&stage, &alice);
}

#[test]
fn streams_do_not_hold_up_the_end_of_the_process() {
    let (mut stage, sid) = Stage::with(["[server]\ndrain_timeout = \"15s\""]).and_alice();
    let mut page = Stream::open(&stage, &sid);

    stage.signal(Signal::TERM);

    assert_eq!(
        page.0.read_chunk(),
        b"",
        "the page is told to come back elsewhere"
    );
    stage.stop();
}
