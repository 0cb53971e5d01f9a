//! What an operator has asked for is done: told, exchanged, ended, tried out on the past.

use serde_json::{Value, json};
use session_testing::TestPostgres;
use sidgate_testkit::builder::write_secret;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::stores::store_config;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{Reply, Request, SESSION, Stage};

use crate::risk::{CHROME, FIREFOX, log_in, use_with};

#[test]
fn revoke_ends_the_session_before_its_next_request() {
    let stage = Stage::with(["[risk.rules]\nuser_agent.action = \"revoke\"\n"]);
    let (sid, other) = (
        log_in(&stage, "alice@example.com"),
        log_in(&stage, "alice@example.com"),
    );
    let view = Request::get(SESSION).sid(&sid);
    let view = stage.send(&view.header("User-Agent", CHROME)).json();
    let id = &view["session"]["id"];
    assert_eq!(
        use_with(&stage, &sid, FIREFOX),
        200,
        "not on the path of the request"
    );
    until_true("the end of the session", LONG, || {
        use_with(&stage, &sid, CHROME) == 401
    });
    assert_eq!(use_with(&stage, &other, CHROME), 200);
    let labels = [("reason", "risk:user_agent")];
    let metrics = stage.metrics();
    assert_eq!(metrics.sum("sidgate_sessions_revoked_total", &labels), 1.0);
    let labels = [("rule", "user_agent"), ("action", "revoke")];
    assert_eq!(metrics.sum("sidgate_risk_signals_total", &labels), 1.0);
    let told = until("both lines", LONG, || {
        let events = stage.security_events();
        let ours = |event: &Value| event["event"] == "revoked" || event["event"] == "risk_signal";
        let told: Vec<Value> = events.into_iter().filter(ours).collect();
        (told.len() == 2).then_some(told)
    });
    for (event, kind, reason) in [
        (&told[0], "revoked", "risk:user_agent"),
        (&told[1], "risk_signal", "user_agent"),
    ] {
        assert_eq!(
            (&event["event"], &event["reason"]),
            (&json!(kind), &json!(reason))
        );
        assert_eq!(
            (&event["actor"], &event["user"]),
            (&json!("gateway"), &json!("alice"))
        );
        assert_eq!(
            event["request_id"], told[0]["request_id"],
            "the request that broke the rule"
        );
        assert_eq!(&event["session"], id, "{event}");
    }
    assert!(told[0]["request_id"].is_string());
}

#[test]
fn rotate_gives_the_next_answer_a_new_sid_once() {
    let stage = Stage::with(["[risk.rules]\nuser_agent.action = \"rotate\"\n"]);
    stage.on("/public", |_| {
        Reply::new(200, &[("Cache-Control", "public, max-age=60")], "for all")
    });
    let sid = log_in(&stage, "alice@example.com");
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
    let labels = [("rule", "user_agent"), ("action", "rotate")];
    until_true("the signal", LONG, || {
        stage.sum("sidgate_risk_signals_total", &labels) == 1.0
    });
    let ask = |path: &str, sid: &str| {
        stage.send(&Request::get(path).sid(sid).header("User-Agent", FIREFOX))
    };
    let shared = ask("/public", &sid);
    assert!(
        shared.leaves_cookies_alone(),
        "caches may keep that: {shared:?}"
    );

    let answer = ask("/required", &sid);

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let successor = answer.new_sid();
    assert_ne!(successor, sid);
    assert!(
        ask("/required", &sid).leaves_cookies_alone(),
        "one successor"
    );
    for _ in 0..3 {
        let answer = ask("/required", &successor);
        assert_eq!(answer.status, 200);
        assert!(answer.leaves_cookies_alone(), "once: {answer:?}");
    }
    let flags = until("the flags of the new one", LONG, || {
        let devices = ask("/api/auth/sessions", &successor).json();
        let flags = devices["sessions"][0]["flags"].clone();
        (flags != json!([])).then_some(flags)
    });
    assert_eq!(flags, json!(["user_agent"]));
}

#[test]
fn a_rule_is_tried_on_what_was_recorded() {
    let stage = Stage::with(["[risk]\n"]);
    let sids: Vec<String> = ["alice@example.com", "alice@example.com", "bob@example.com"]
        .iter()
        .map(|email| log_in(&stage, email))
        .collect();
    for sid in &sids {
        assert_eq!(use_with(&stage, sid, CHROME), 200);
    }
    for sid in &sids[..2] {
        for user_agent in [FIREFOX, CHROME, "curl/8", FIREFOX] {
            assert_eq!(use_with(&stage, sid, user_agent), 200);
        }
    }
    until_true("four signals", LONG, || {
        stage.sum("sidgate_risk_signals_total", &[]) == 4.0
    });

    let now = std::fs::read_to_string(stage.config_file()).unwrap();
    let changed = format!("{now}\n[risk.rules.user_agent]\naction = \"revoke\"\n");
    write_secret(&stage.folder().join("changed.toml"), &changed);
    let backtest = |arguments: &[&str]| {
        let command = [
            &["risk", "backtest", "--since", "7d", "--config"],
            arguments,
        ]
        .concat();
        sidgate(stage.folder(), &command).success()
    };

    // Three logins, and four changes of each of two sessions; the last may not have been recorded yet.
    let recorded = until("everything that was recorded", LONG, || {
        let view: Value = serde_json::from_str(&backtest(&["sidgate.toml", "--json"])).unwrap();
        (view["changes"] == 11).then_some(view)
    });
    assert_eq!(
        (&recorded["sessions"], &recorded["users"]),
        (&json!(3), &json!(2))
    );
    let rule =
        json!({"rule": "user_agent", "action": "observe", "signals": 4, "sessions": 2, "users": 1});
    assert_eq!(recorded["rules"][0], rule);
    let text = backtest(&["changed.toml"]);
    assert!(
        text.contains("would have ended 2 sessions of 1 users (2 signals)"),
        "{text}"
    );
    assert!(
        text.starts_with("recorded: 11 changes of 3 sessions of 2 users\n"),
        "{text}"
    );
    for sid in &sids {
        assert_eq!(use_with(&stage, sid, CHROME), 200, "nothing was ended");
    }
}

/// Judging waits for the store, requests do not; and what could not be judged comes up again.
#[test]
fn a_store_that_hangs_holds_up_nobody_and_fills_no_memory() {
    const REQUESTS: usize = 4_300;
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let stage = Stage::with([
        &store_config(&database),
        "[store]\nauto_migrate = true\n[risk]\n",
    ]);
    let sid = log_in(&stage, "alice@example.com");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    let other = runtime.block_on(database.client());
    let run = |sql: &str| runtime.block_on(other.batch_execute(sql)).unwrap();
    run("BEGIN; LOCK TABLE sidgate_activity IN ACCESS EXCLUSIVE MODE");

    let mut connection = stage.connect();
    for n in 0..REQUESTS {
        let request = Request::get("/required").sid(&sid);
        let request = request.header("User-Agent", &format!("{CHROME} {n}"));
        connection.write(&request.bytes(&stage.host()));
        assert_eq!(connection.read(false).status, 200, "request {n}");
    }
    let dropped = |why| {
        let labels = [("reason", why)];
        stage.sum("sidgate_risk_dropped_total", &labels)
    };
    // Of one user 32 wait; some are judged in vain meanwhile, each for as long as a read may take.
    assert!(dropped("queue") >= 2_000.0, "{}", dropped("queue"));
    until_true("a failure", LONG, || dropped("store") >= 1.0);

    run("ROLLBACK");
    until_true("the signal", LONG, || {
        assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
        stage.sum("sidgate_risk_signals_total", &[]) == 1.0
    });
}
