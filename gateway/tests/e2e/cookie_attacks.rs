//! Cookies that no honest browser sends, and sids that are nobody's. Catalogue: category B.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use session_core::keys::{Keyring, MasterKey};

use crate::support::{App, Gateway, Request, SESSION};

/// Has the form of a sid and was made by nobody.
const FORGED: &str = "6d0f1c52-4b1e-4c3a-9d7e-0123456789ab";

/// A gateway in front of an app, and a session of alice.
struct Stage {
    app: App,
    gateway: Gateway,
    sid: String,
}

impl Stage {
    fn set() -> Self {
        let app = App::start();
        let gateway = Gateway::in_front_of(&app).start();
        let sid = gateway.log_in("alice@example.com");
        Self { app, gateway, sid }
    }

    /// Sends Cookie lines that must be refused with `status` before anything else is done with the request.
    fn is_refused(&self, status: u16, lines: &[String]) {
        let lookups = self.lookups();
        let request = lines.iter().fold(Request::get("/app"), |request, line| {
            request.header("Cookie", line)
        });
        let bytes = request.bytes(&self.gateway.host());
        let response = self.gateway.send_refused(&bytes);
        assert_eq!(response.problem(status), "bad_request", "{lines:?}");
        assert_eq!(response.header("connection"), Some("close"), "{lines:?}");
        assert!(response.leaves_cookies_alone(), "{lines:?}");
        assert!(self.app.requests().is_empty(), "{lines:?} reached the app");
        assert_eq!(self.lookups(), lookups, "{lines:?} cost a look-up");
    }

    /// Sends a Cookie line that carries no session, without asking any store.
    fn is_anonymous(&self, line: &str) {
        let reads = self.store_reads();
        let before = self.app.requests().len();
        let response = self
            .gateway
            .send(&Request::get("/app").header("Cookie", line));
        assert_eq!(response.status, 200, "{line}: {response:?}");
        assert_eq!(self.app.requests().len(), before + 1, "{line}");
        let seen = self.app.last_request();
        let state = seen.header("x-session-state");
        assert_eq!(state.as_deref(), Some("anonymous"), "{line}");
        assert_eq!(seen.header("x-session-user-id"), None, "{line}");
        assert_eq!(self.store_reads(), reads, "{line} was read from the store");
    }

    fn lookups(&self) -> f64 {
        self.gateway.metrics().sum("sidgate_resolve_total", &[])
    }

    fn store_reads(&self) -> f64 {
        let labels = [("what", "store_loads")];
        self.gateway.metrics().sum("sidgate_core_total", &labels)
    }
}

#[test]
fn two_sids_are_refused() {
    let stage = Stage::set();
    let sid = &stage.sid;
    let other = stage.gateway.log_in("bob@example.com");
    let lines = [
        vec![format!("sid={sid}; sid={other}")],
        vec![format!("sid={other}; sid={sid}")],
        vec![format!("sid={sid}; sid={sid}")],
        vec![format!("sid={sid}; sid=")],
        vec![format!("sid=; sid={sid}")],
        vec![format!("sid={sid}; sid=rubbish")],
        vec![format!("sid={sid}"), format!("sid={other}")],
        vec![format!("sid={sid}"), format!("sid={sid}")],
        vec!["sid=".to_owned(), format!("sid={sid}")],
    ];
    for line in lines {
        stage.is_refused(400, &line);
    }
    let repeated = [("reason", "sid_repeated")];
    let metrics = stage.gateway.metrics();
    assert_eq!(metrics.sum("sidgate_refused_total", &repeated), 9.0);
}

#[test]
fn sid_inside_quotes_of_another_cookie_is_refused() {
    let stage = Stage::set();
    let sid = &stage.sid;
    stage.is_refused(400, &[format!("a=\"x; sid={sid}; b=y\"")]);
}

#[test]
fn cookies_beyond_the_limits_are_refused() {
    let stage = Stage::set();
    let sid = &stage.sid;
    let pairs = |count: usize| {
        let pairs: Vec<_> = (0..count).map(|at| format!("c{at}=1")).collect();
        pairs.join("; ")
    };
    let nine_kilobytes = ["a", "b", "c"].map(|name| format!("{name}={}", "x".repeat(3_000)));
    stage.is_refused(431, &[format!("{}; sid={sid}", nine_kilobytes.join("; "))]);
    stage.is_refused(431, &[format!("sid={sid}; a={}", "x".repeat(4_096))]);
    stage.is_refused(431, &[format!("sid={sid}; {}", pairs(64))]);
}

#[test]
fn two_cookie_lines_with_one_sid_become_one_line_without_it() {
    let stage = Stage::set();
    let request = Request::get("/app")
        .header("Cookie", "theme=dark")
        .header("Cookie", &format!("sid={}; csrftoken=x", stage.sid));

    assert_eq!(stage.gateway.send(&request).status, 200);

    let seen = stage.app.only_request();
    assert_eq!(seen.all("cookie"), ["theme=dark; csrftoken=x"]);
    assert_eq!(seen.header("x-session-user-id").unwrap(), "alice");
}

#[test]
fn request_with_nothing_but_the_sid_has_no_cookie_left() {
    let stage = Stage::set();

    stage.gateway.send(&Request::get("/app").sid(&stage.sid));

    assert!(stage.app.only_request().all("cookie").is_empty());
}

#[test]
fn what_only_looks_like_a_sid_is_anonymous() {
    let stage = Stage::set();
    let sid = &stage.sid;
    for line in [
        "sid=".to_owned(),
        "sid=rubbish".to_owned(),
        format!("sid=\"{sid}\""),
        format!("sid={}", sid.to_uppercase()),
        format!("sid={sid}0"),
        format!("sid={sid},x"),
        format!("sid={sid}%20"),
        format!("sid={}", sid.replace('-', "")),
        format!("sid={{{sid}}}"),
        format!("SID={sid}"),
        format!("%73id={sid}"),
        format!("xsid={sid}"),
        format!("sid ={sid}"),
    ] {
        stage.is_anonymous(&line);
    }
}

#[test]
fn forged_sid_is_anonymous_and_costs_no_look_up() {
    let stage = Stage::set();
    stage.is_anonymous(&format!("sid={FORGED}"));

    let seen = stage.app.last_request();
    assert!(seen.all("cookie").is_empty(), "the app never sees a sid");
}

#[test]
fn forged_sid_does_not_open_a_required_route() {
    let stage = Stage::set();

    let response = stage.gateway.send(&Request::get("/required").sid(FORGED));

    assert_eq!(response.problem(401), "unauthenticated");
    assert!(stage.app.requests().is_empty());
}

#[test]
fn genuine_sid_without_a_session_is_read_once_and_then_remembered() {
    let stage = Stage::set();
    let master = STANDARD.decode(stage.gateway.master().trim()).unwrap();
    let master = MasterKey::from_bytes(master.try_into().unwrap());
    let (sid, _) = Keyring::new(master, vec![]).mint(*b"twelve bytes");
    let sid = sid.expose().as_str().to_owned();
    let reads = stage.store_reads();

    for _ in 0..3 {
        let response = stage.gateway.send(&Request::get("/required").sid(&sid));
        assert_eq!(response.problem(401), "unauthenticated");
    }

    assert_eq!(stage.store_reads(), reads + 1.0);
    assert!(stage.app.requests().is_empty());
}

#[test]
fn sid_of_an_ended_session_is_anonymous_on_an_optional_route() {
    let stage = Stage::set();
    stage
        .gateway
        .send(&Request::delete(SESSION).sid(&stage.sid));

    let response = stage.gateway.send(&Request::get("/app").sid(&stage.sid));

    assert_eq!(response.status, 200);
    let seen = stage.app.only_request();
    assert_eq!(seen.header("x-session-state").unwrap(), "anonymous");
    assert_eq!(seen.header("x-session-user-id"), None);
    assert!(seen.all("cookie").is_empty());
}

#[test]
fn sid_of_an_ended_session_does_not_open_a_required_route() {
    let stage = Stage::set();
    stage
        .gateway
        .send(&Request::delete(SESSION).sid(&stage.sid));

    let response = stage
        .gateway
        .send(&Request::get("/required").sid(&stage.sid));

    assert_eq!(response.problem(401), "unauthenticated");
    assert!(stage.app.requests().is_empty());
}

#[test]
fn pairs_that_no_grammar_allows_are_dropped_and_the_others_kept() {
    let stage = Stage::set();
    let line = format!(
        "a=1; \u{2000}sid=x; $Version=1; sid={}; b={{\"k\": 1}}",
        stage.sid
    );

    stage
        .gateway
        .send(&Request::get("/app").header("Cookie", &line));

    let seen = stage.app.only_request();
    assert_eq!(seen.all("cookie"), ["a=1; b={\"k\": 1}"]);
    assert_eq!(seen.header("x-session-user-id").unwrap(), "alice");
}

#[test]
fn cookie_can_have_another_name() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[cookie]\nname = \"__Host-sid\"")
        .start();
    let response = gateway.send(&crate::support::login(
        "alice@example.com",
        crate::support::app::PASSWORD,
    ));
    let cookie = response.header("set-cookie").unwrap().to_owned();
    let (pair, _) = cookie.split_once(';').unwrap();
    let (name, sid) = pair.split_once('=').unwrap();
    assert_eq!(name, "__Host-sid");

    gateway.send(&Request::get("/").header("Cookie", &format!("sid=other; {pair}")));
    gateway.send(&Request::get("/").sid(sid));

    let requests = app.requests();
    assert_eq!(requests[0].header("x-session-state").unwrap(), "active");
    assert_eq!(requests[0].all("cookie"), ["sid=other"]);
    assert_eq!(requests[1].header("x-session-state").unwrap(), "anonymous");
}
