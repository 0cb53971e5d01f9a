//! Somebody makes as many signals as they can, so that nobody hears of the one that matters.

use rustix::process::Signal;
use serde_json::Value;
use session_testing::{TestDatabase, TestPostgres};
use sidgate_testkit::stores::{sql_number, store_config};
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage};

use crate::risk::{ANYWHERE, FIREFOX, log_in, use_with};

const FLOOD: usize = 3_000;

/// A gateway whose rule about programs tells this server.
fn start(database: &TestDatabase, server: &RecordingUpstream, rules: &str) -> Stage {
    let webhook = format!(
        "[risk]\nwebhook_url = \"http://{}/hook\"\nwebhook_secret = \"${{WEBHOOK_SECRET}}\"\n",
        server.address()
    );
    Stage::built(|it| {
        it.with(&store_config(database))
            .with("[store]\nauto_migrate = true\n")
            .with(ANYWHERE)
            .with(&webhook)
            .with(rules)
            .env("WEBHOOK_SECRET", "the secret of this webhook")
    })
}

/// Uses a session on one connection, each time as another program on another network.
fn flood(gateway: &Gateway, sid: &str, times: usize, program: impl Fn(usize) -> String) {
    let mut connection = gateway.connect();
    for n in 0..times {
        let request = Request::get("/required")
            .sid(sid)
            .header("User-Agent", &program(n))
            .header("X-Forwarded-For", &format!("10.{}.{}.1", n / 200, n % 200));
        connection.write(&request.bytes(&gateway.host()));
        assert_eq!(connection.read(false).status, 200, "request {n}");
    }
}

fn signals(gateway: &Gateway, rule: &str) -> f64 {
    let labels = [("rule", rule)];
    gateway.sum("sidgate_risk_signals_total", &labels)
}

fn rows_of(database: &TestDatabase, user: &str) -> i64 {
    sql_number(
        database,
        &format!("SELECT count(*) FROM sidgate_activity WHERE user_id = '{user}'"),
    )
}

/// How often each user was told about.
fn told(server: &RecordingUpstream, user: &str) -> usize {
    let received = server.received();
    let messages = received
        .iter()
        .map(|message| serde_json::from_slice::<Value>(&message.body).unwrap());
    messages
        .filter(|message| message["user_id"] == user)
        .count()
}

/// A browser that nobody has made up: each pair of these is a family of its own.
fn browser(n: usize) -> String {
    const SYSTEMS: [&str; 4] = [
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "X11; CrOS x86_64 14541.0.0",
    ];
    const BROWSERS: [&str; 4] = [
        "Chrome/142.0.0.0 Safari/537.36",
        "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Chrome/142.0.0.0 Safari/537.36 OPR/120.0.0.0",
        "Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.0",
    ];
    let (system, browser) = (SYSTEMS[n % 4], BROWSERS[n / 4 % 4]);
    format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {browser}")
}

#[test]
fn made_up_programs_fill_no_table_and_drown_no_alert() {
    let database = TestPostgres::shared().database();
    let server = RecordingUpstream::start(|_| Reply::new(204, &[], ""));
    let rules = "[risk.rules]\nuser_agent.action = \"notify\"\n";
    let stage = start(&database, &server, rules);
    let [noisy, alice] =
        ["mallory", "alice"].map(|user| log_in(&stage, &format!("{user}@example.com")));

    flood(&stage, &noisy, FLOOD, |n| format!("prog{n}x/1"));
    assert_eq!(use_with(&stage, &alice, FIREFOX), 200);

    until_true("the alert", LONG, || told(&server, "alice") == 1);
    until_true("the rows", LONG, || rows_of(&database, "alice") == 2);
    assert_eq!(told(&server, "mallory"), 1, "programs are one family");
    let rows = rows_of(&database, "mallory");
    assert!((2..=34).contains(&rows), "{rows}");
    assert_eq!(signals(&stage, "user_agent"), 2.0);
}

#[test]
fn a_session_that_breaks_a_rule_again_and_again_is_told_of_a_few_times() {
    let database = TestPostgres::shared().database();
    let server = RecordingUpstream::start(|_| Reply::new(204, &[], ""));
    let rules = "[risk.rules]\nuser_agent.action = \"notify\"\n";
    let stage = start(&database, &server, rules);
    let [noisy, alice] =
        ["mallory", "alice"].map(|user| log_in(&stage, &format!("{user}@example.com")));

    until_true("the last word", LONG, || {
        flood(&stage, &noisy, 16, browser);
        signals(&stage, "crowded") > 0.0
    });
    flood(&stage, &noisy, FLOOD, browser);
    assert_eq!(use_with(&stage, &alice, FIREFOX), 200);

    until_true("the alert", LONG, || told(&server, "alice") == 1);
    assert_eq!(signals(&stage, "crowded"), 1.0);
    assert_eq!(
        signals(&stage, "user_agent"),
        9.0,
        "eight, and one of alice"
    );
    assert!(told(&server, "mallory") <= 9);
    let rows = rows_of(&database, "mallory");
    assert!((9..=41).contains(&rows), "{rows}");
}

/// A receiver that says nothing: one message is under way, and of the others each waits once.
#[test]
fn what_says_the_same_waits_once() {
    let database = TestPostgres::shared().database();
    let server = RecordingUpstream::start(|_| Reply::Silence);
    let rules = "[risk]\nwebhook_timeout = \"30s\"\n[risk.rules]\nuser_agent.action = \"notify\"\n";
    let stage = start(&database, &server, rules);
    let noisy = log_in(&stage, "mallory@example.com");
    until_true("the last word", LONG, || {
        flood(&stage, &noisy, 16, browser);
        signals(&stage, "crowded") > 0.0
    });
    let result = |result| {
        let labels = [("result", result)];
        stage.sum("sidgate_risk_webhook_total", &labels)
    };
    // Of eight signals one is told, one waits, and the one before the last word is another one.
    assert_eq!(result("merged"), 6.0);
    assert_eq!(result("dropped"), 0.0);
}

/// What is to be done is done however much was said before: nobody can buy silence for a rule that ends sessions.
#[test]
fn a_spent_budget_does_not_keep_a_rule_from_acting() {
    let database = TestPostgres::shared().database();
    let server = RecordingUpstream::start(|_| Reply::new(204, &[], ""));
    let rules = "[risk.rules]\nuser_agent.action = \"notify\"\n";
    let stage = start(&database, &server, rules);
    let stolen = log_in(&stage, "alice@example.com");
    until_true("the last word", LONG, || {
        flood(&stage, &stolen, 16, browser);
        signals(&stage, "crowded") > 0.0
    });

    stage.reconfigure(|_, text| text.replace("\"notify\"", "\"revoke\""));
    stage.signal(Signal::HUP);
    until_true("the reload", LONG, || {
        stage.stdout().contains("configuration reloaded")
    });
    until_true("the end of the session", LONG, || {
        use_with(&stage, &stolen, FIREFOX) == 401
    });
}

/// A thief uses somebody's session while another one of theirs keeps the gateway busy.
#[test]
fn a_flood_from_ones_own_account_hides_no_stolen_session() {
    let database = TestPostgres::shared().database();
    let server = RecordingUpstream::start(|_| Reply::new(204, &[], ""));
    let rules = "[risk.rules]\nuser_agent.action = \"revoke\"\n";
    let stage = start(&database, &server, rules);
    let [own, stolen] =
        ["mallory", "alice"].map(|user| log_in(&stage, &format!("{user}@example.com")));
    assert_eq!(use_with(&stage, &stolen, crate::risk::CHROME), 200);

    std::thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            flood(&stage, &own, 2 * FLOOD, |n| {
                format!("{} {n}", crate::risk::CHROME)
            });
        });
        use_with(&stage, &stolen, FIREFOX);
        until_true("the end of the stolen session", LONG, || {
            use_with(&stage, &stolen, FIREFOX) == 401
        });
        flooding.join().unwrap();
    });

    assert_eq!(use_with(&stage, &own, crate::risk::CHROME), 200);
}
