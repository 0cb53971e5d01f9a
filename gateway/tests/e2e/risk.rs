//! Suspicious activity is seen, shown and counted, and by itself does nothing.

use serde_json::{Value, json};
use session_testing::TestPostgres;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::stores::{sql, sql_number, sql_text, store_config};
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage, login};

pub(crate) const CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
pub(crate) const NEWER_CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36";
pub(crate) const FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// Everything that may come from elsewhere is believed to.
pub(crate) const ANYWHERE: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// Every rule about sessions ends them.
const STRICT: &str = "[risk.rules]\n\
    user_agent.action = \"revoke\"\ncountry.action = \"revoke\"\nasn.action = \"revoke\"\n\
    impossible_travel.action = \"revoke\"\nparallel.action = \"revoke\"\n";

/// Logs in with Chrome.
pub(crate) fn log_in(gateway: &Gateway, email: &str) -> String {
    gateway
        .send(&login(email, PASSWORD).header("User-Agent", CHROME))
        .must_be(201)
        .new_sid()
}

/// Uses a session with this program; the status of the answer.
pub(crate) fn use_with(gateway: &Gateway, sid: &str, user_agent: &str) -> u16 {
    let request = Request::get("/required").sid(sid);
    gateway
        .send(&request.header("User-Agent", user_agent))
        .status
}

fn use_from(gateway: &Gateway, sid: &str, address: &str) -> u16 {
    let request = Request::get("/required")
        .sid(sid)
        .header("User-Agent", CHROME);
    gateway
        .send(&request.header("X-Forwarded-For", address))
        .status
}

fn signals(gateway: &Gateway, labels: &[(&str, &str)]) -> f64 {
    gateway.sum("sidgate_risk_signals_total", labels)
}

fn devices(gateway: &Gateway, sid: &str) -> Vec<Value> {
    let request = Request::get("/api/auth/sessions").sid(sid);
    let response = gateway.send(&request.header("User-Agent", CHROME));
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["sessions"].as_array().unwrap().clone()
}

#[test]
fn another_program_is_seen_and_shown_and_nothing_else_happens() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let stage = Stage::with([
        &store_config(&database),
        "[store]\nauto_migrate = true\n[risk]\n",
    ]);
    let sid = log_in(&stage, "alice@example.com");
    let other = log_in(&stage, "alice@example.com");

    assert_eq!(use_with(&stage, &sid, NEWER_CHROME), 200);
    assert_eq!(use_with(&stage, &other, CHROME), 200);
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200);

    let flagged = until("a flag", LONG, || {
        let devices = devices(&stage, &sid);
        let flagged = devices
            .iter()
            .find(|device| device["flags"][0] != Value::Null);
        flagged.cloned()
    });
    assert_eq!(flagged["flags"], json!(["user_agent"]));
    assert_eq!(flagged["signals"][0]["rule"], "user_agent");
    assert!(flagged["signals"][0]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(flagged["current"], true);
    assert_eq!(flagged["place"], Value::Null);
    let devices = devices(&stage, &sid);
    let quiet = devices.iter().find(|device| device["current"] == false);
    assert_eq!(quiet.unwrap()["flags"], json!([]));

    let id = flagged["id"].as_str().unwrap();
    let shown = stage.admin(&format!("/api/admin/sessions/{id}")).json();
    assert_eq!(shown["flags"], json!(["user_agent"]));
    let found = stage
        .admin("/api/admin/sessions?user=alice@example.com")
        .json();
    assert!(found["sessions"].is_array());

    assert_eq!(
        signals(&stage, &[("rule", "user_agent"), ("action", "observe")]),
        1.0
    );
    assert_eq!(
        signals(&stage, &[]),
        1.0,
        "an update of the same browser is none"
    );
    let output = stage.stdout();
    let line = output.lines().find(|line| line.contains("risk_signal"));
    assert!(line.unwrap().contains(id), "{line:?}");
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200, "the session lives");
    // What was recorded: two logins, and of one session Firefox, Chrome (the lists above) and Firefox. No sid and no key.
    until_true("five rows", LONG, || {
        sql_number(&database, "SELECT count(*) FROM sidgate_activity") == 5
    });
    let all = sql_text(
        &database,
        "SELECT string_agg(a::text, ';') FROM sidgate_activity a",
    );
    assert!(
        all.contains("127.0.0.0") && !all.contains("127.0.0.1"),
        "{all}"
    );
    assert!(!all.contains(&sid) && !all.contains(&other));
}

#[test]
fn without_the_section_nothing_is_looked_at() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let stage = Stage::with([&store_config(&database), "[store]\nauto_migrate = true\n"]);
    let sid = log_in(&stage, "alice@example.com");
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
    let device = &devices(&stage, &sid)[0];
    assert_eq!(device["flags"], json!([]));
    assert_eq!(device.get("signals"), None);
    assert_eq!(
        sql_number(&database, "SELECT count(*) FROM sidgate_activity"),
        0
    );
}

/// Carrier-grade NAT, Wi-Fi and IPv6 privacy addresses: however strict the rules are.
#[test]
fn another_address_alone_never_ends_a_session() {
    let stage = Stage::with([ANYWHERE, STRICT]);
    let sid = log_in(&stage, "alice@example.com");
    for n in 0..40 {
        assert_eq!(use_from(&stage, &sid, &format!("198.51.{n}.7")), 200);
        assert_eq!(use_from(&stage, &sid, &format!("2001:db8:{n}::7")), 200);
    }
    // The task judges one after another: when it has come to this, it has come to all of the above.
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
    until_true("the end of the session", LONG, || {
        use_with(&stage, &sid, FIREFOX) == 401
    });
    assert_eq!(signals(&stage, &[]), 1.0);
    assert_eq!(signals(&stage, &[("rule", "user_agent")]), 1.0);
}

#[test]
fn a_client_that_is_refused_often_is_a_signal_once() {
    let stage = Stage::with([
        ANYWHERE,
        "[risk.rules]\nrefused_logins.rate = \"3/m\"\nrefused_sids.rate = \"5/m\"\n",
    ]);
    let attempt = |address: &str| {
        let request = login("alice@example.com", "wrong").header("X-Forwarded-For", address);
        assert_eq!(stage.send(&request).status, 401);
    };
    // Whoever is asked for another factor had the password right.
    let mfa = Reply::json(401, &json!({"code": "mfa_required"}));
    stage.app.on_authenticate(mfa);
    for _ in 0..5 {
        attempt("2001:db8::1");
    }
    assert_eq!(signals(&stage, &[]), 0.0);
    let wrong = Reply::json(401, &json!({"code": "invalid_credentials"}));
    stage.app.on_authenticate(wrong);
    for n in 1..=7 {
        attempt(&format!("2001:db8::{n}"));
        attempt(&format!("2001:db8:0:{n}::1"));
    }
    assert_eq!(
        signals(&stage, &[("rule", "refused_logins")]),
        1.0,
        "one /64"
    );
    for _ in 0..12 {
        let sid = "00000000-0000-0000-0000-000000000000";
        let request = Request::get("/required").sid(sid);
        assert_eq!(stage.send(&request).status, 401);
    }
    assert_eq!(signals(&stage, &[("rule", "refused_sids")]), 1.0);
    assert_eq!(signals(&stage, &[]), 2.0);
}

/// More changes than the past holds: its login is part of it all the same, and coming home says nothing.
#[test]
fn where_a_session_began_stays_known_however_often_it_has_moved() {
    const CHANGES: i64 = 25;
    let database = TestPostgres::shared().database();
    let stage = Stage::with([&store_config(&database), ANYWHERE, "[risk]\n"]);
    let sid = log_in(&stage, "alice@example.com");
    let recorded = |rows| {
        until_true("the rows", LONG, || {
            sql_number(&database, "SELECT count(*) FROM sidgate_activity") == rows
        });
    };
    for half in 0..2 {
        for n in 0..CHANGES {
            let request = Request::get("/required")
                .sid(&sid)
                .header("User-Agent", FIREFOX)
                .header("X-Forwarded-For", &format!("10.{half}.{n}.1"));
            assert_eq!(stage.send(&request).status, 200);
        }
        recorded(1 + CHANGES * (half + 1));
        sql(
            &database,
            "UPDATE sidgate_activity SET at = at - interval '2 hours'",
        );
    }
    assert_eq!(use_with(&stage, &sid, CHROME), 200);
    recorded(2 + CHANGES * 2);
    let labels = [("rule", "user_agent")];
    assert_eq!(
        signals(&stage, &labels),
        1.0,
        "Firefox was new, Chrome is not"
    );
}
