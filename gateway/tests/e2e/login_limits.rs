//! Guessing at passwords: what is counted, whose guesses count for whom, and who gets in all the same.

use std::time::Duration;

use serde_json::{Value, json};

use sidgate_testkit::app::{self, PASSWORD};
use sidgate_testkit::{App, Gateway, Reply, Request, Response, SESSION, login};

const AUTHENTICATE: &str = "/__sidgate__/authenticate";
const ALICE: &str = "alice@example.com";
/// Where alice is at home; her neighbours have other addresses of it.
const HOME: &str = "192.0.2.7";

/// A gateway with few attempts, whose clients have the addresses that a proxy tells.
struct Stage {
    app: App,
    gateway: Gateway,
}

impl Stage {
    fn with(limits: &str) -> Self {
        let app = App::start();
        let config =
            format!("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[login_limits]\n{limits}");
        let gateway = Gateway::in_front_of(&app).with(&config).start();
        Self { app, gateway }
    }

    fn send(&self, request: Request, ip: &str) -> Response {
        self.gateway.send(&request.header("X-Forwarded-For", ip))
    }

    fn guess(&self, account: &str, ip: &str) -> u16 {
        self.send(login(account, "guess"), ip).status
    }

    fn log_in(&self, account: &str, ip: &str) -> String {
        self.send(login(account, PASSWORD), ip)
            .must_be(201)
            .new_sid()
    }

    /// Guesses from so many addresses, each of a network of its own; how many reached the app.
    fn guesses(&self, request: impl Fn() -> Request, addresses: u32) -> usize {
        let before = self.calls();
        for number in 0..addresses {
            let status = self.send(request(), &stranger(number)).status;
            assert!([401, 429].contains(&status), "{status}");
        }
        self.calls() - before
    }

    fn calls(&self) -> usize {
        self.app.backend_calls().len()
    }

    fn is_limited(&self, response: &Response, counter: &str) {
        assert_eq!(response.problem(429), "locked");
        assert!(response.header("retry-after").is_some());
        assert!(response.leaves_cookies_alone());
        let labels = [("counter", counter)];
        let metrics = self.gateway.metrics();
        assert!(
            metrics.sum("sidgate_login_limited_total", &labels) > 0.0,
            "{counter}"
        );
    }
}

fn stranger(number: u32) -> String {
    format!("198.18.{}.{}", number % 250, number / 250)
}

fn guess_of(account: &'static str) -> impl Fn() -> Request {
    move || login(account, "guess")
}

#[test]
fn only_failures_count() {
    let stage = Stage::with("per_account = \"2/h\"\nper_client = \"3/h\"");
    for _ in 0..10 {
        stage.log_in(ALICE, HOME);
    }
    let judge = |reply: Reply| stage.app.on_authenticate(reply);
    judge(Reply::hang_up());
    for _ in 0..10 {
        assert_eq!(stage.guess(ALICE, HOME), 503);
    }
    judge(Reply::json(401, &json!({"code": "invalid_credentials"})));
    assert_eq!(stage.guess(ALICE, HOME), 401);
    assert_eq!(stage.guess(ALICE, HOME), 401);
    assert_eq!(stage.guess(ALICE, HOME), 429);
}

/// An attempt has its place before the app is asked.
#[test]
fn of_many_guesses_at_once_no_more_get_through() {
    let stage = Stage::with("per_account = \"3/h\"");
    stage.app.on(AUTHENTICATE, |_| {
        std::thread::sleep(Duration::from_millis(300));
        Reply::json(401, &json!({"code": "invalid_credentials"}))
    });
    let mut connections: Vec<_> = (0..40)
        .map(|number| {
            let mut connection = stage.gateway.connect();
            let request = login(ALICE, "guess").header("X-Forwarded-For", &stranger(number));
            connection.write(&request.bytes(&stage.gateway.host()));
            connection
        })
        .collect();
    let answers = connections.iter_mut().map(|it| it.read(false).status);
    let let_through = answers.filter(|status| *status == 401).count();
    assert_eq!((let_through, stage.calls()), (3, 3));
}

#[test]
fn what_strangers_use_up_locks_nobody_out_at_home() {
    let stage = Stage::with("per_account = \"3/h\"");
    let sid = stage.log_in(ALICE, HOME);
    assert_eq!(stage.guesses(guess_of(ALICE), 50), 3);

    let away = stage.send(login(ALICE, PASSWORD), "203.0.113.1");
    stage.is_limited(&away, "account");
    assert_eq!(
        stage
            .send(login(ALICE, PASSWORD).sid(&sid), "203.0.113.1")
            .status,
        201,
        "her browser, wherever it is"
    );
    stage.send(Request::delete(SESSION).sid(&sid), HOME);
    stage.log_in(ALICE, "192.0.2.200");
}

/// Whoever has a copy of a sid from before a logout is a stranger.
#[test]
fn ended_sid_proves_nothing() {
    let stage = Stage::with("per_account = \"3/h\"");
    let sid = stage.log_in(ALICE, HOME);
    stage.send(Request::delete(SESSION).sid(&sid), HOME);

    let with_sid = || login(ALICE, "guess").sid(&sid);
    assert_eq!(stage.guesses(with_sid, 300), 3);

    let response = stage.send(with_sid(), "203.0.113.1");
    stage.is_limited(&response, "account");
    let response = stage.send(login(ALICE, PASSWORD), "203.0.113.1");
    stage.is_limited(&response, "account");
}

#[test]
fn live_sid_has_a_limit_of_its_own() {
    let stage = Stage::with("per_account = \"3/h\"");
    let stolen = stage.log_in(ALICE, HOME);

    assert_eq!(stage.guesses(|| login(ALICE, "guess").sid(&stolen), 100), 3);

    let response = stage.send(login(ALICE, "guess").sid(&stolen), HOME);
    stage.is_limited(&response, "live_session");
    stage.log_in(ALICE, HOME);
    stage.log_in(ALICE, "203.0.113.1");
}

/// Also when they share the address with her.
#[test]
fn neighbours_use_up_their_network_alone() {
    let stage = Stage::with("per_account = \"3/h\"\nper_client = \"5/h\"");
    let sid = stage.log_in(ALICE, HOME);
    let before = stage.calls();
    for host in 1..=30 {
        stage.guess(ALICE, &format!("192.0.2.{host}"));
    }
    assert_eq!(stage.calls() - before, 3);
    let without = stage.send(login(ALICE, PASSWORD), "192.0.2.99");
    stage.is_limited(&without, "network");
    for account in ["bob", "carol", "dave", "eve", "frank"] {
        stage.guess(account, HOME);
    }
    let without = stage.send(login("grace", PASSWORD), HOME);
    stage.is_limited(&without, "client");

    let with_sid = stage.send(login(ALICE, PASSWORD).sid(&sid), HOME);
    assert_eq!(with_sid.status, 201, "{with_sid:?}");
    stage.log_in(ALICE, "203.0.113.1");
}

/// A sid of somebody else, or a network of somebody else, is nothing to this account.
#[test]
fn what_one_account_has_proved_is_no_use_for_another() {
    let stage = Stage::with("per_account = \"3/h\"");
    let bob = stage.log_in("bob@example.com", HOME);
    assert_eq!(stage.guesses(guess_of(ALICE), 10), 3);

    let response = stage.send(login(ALICE, "guess").sid(&bob), HOME);
    stage.is_limited(&response, "account");
    let response = stage.send(login(ALICE, "guess"), HOME);
    stage.is_limited(&response, "account");
}

/// Nobody has typed a name where the app's own page has logged in; what is left is what the identity says.
#[test]
fn session_of_the_apps_own_page_counts_by_its_address_and_all_of_them_together() {
    let stage = Stage::with("per_account = \"3/h\"");
    let enter = |user: &str| {
        let mut identity = app::identity(ALICE);
        identity["user"]["id"] = json!(user);
        stage
            .app
            .says("/login", json!([{"type": "login", "identity": identity}]));
        stage.gateway.send(&Request::post("/login")).new_sid()
    };
    let (alice, mallory) = (enter("alice"), enter("mallory"));
    assert_eq!(stage.guesses(guess_of(ALICE), 10), 3);

    assert_eq!(
        stage
            .send(login(ALICE, PASSWORD).sid(&alice), "203.0.113.1")
            .status,
        201
    );
    assert_eq!(stage.guesses(|| login(ALICE, "guess").sid(&mallory), 50), 3);
    let carol = enter("carol");
    let response = stage.send(login(ALICE, "guess").sid(&carol), "198.51.100.9");
    stage.is_limited(&response, "live_session");
}

/// Users of two tenants may have one address, and whoever rules a tenant can add anybody to it.
#[test]
fn namesake_is_not_the_same_account() {
    let stage = Stage::with("per_account = \"3/h\"");
    let sid = stage.log_in(ALICE, HOME);
    let mut other = app::identity(ALICE);
    other["user"]["id"] = json!("another");
    stage.app.on_authenticate(Reply::json(200, &other));
    let mallory = stage.log_in(ALICE, "203.0.113.1");
    stage
        .app
        .on_authenticate(Reply::json(401, &json!({"code": "invalid_credentials"})));

    assert_eq!(stage.guesses(guess_of(ALICE), 20), 3);
    stage.is_limited(&stage.send(login(ALICE, "guess"), "203.0.113.1"), "account");
    assert_eq!(stage.guesses(|| login(ALICE, "guess").sid(&mallory), 20), 3);
    let response = stage.send(login(ALICE, "guess").sid(&sid), HOME);
    stage.is_limited(&response, "live_session");
}

#[test]
fn what_is_known_of_an_account_outlives_the_process() {
    let mut stage = Stage::with("per_account = \"3/h\"");
    stage.log_in(ALICE, HOME);
    stage.gateway.stop();
    stage.gateway.start_again();
    assert_eq!(stage.guesses(guess_of(ALICE), 10), 3);
    stage.log_in(ALICE, HOME);
}

/// A database finds one account by each of these.
#[test]
fn spellings_are_one_account() {
    let stage = Stage::with("per_account = \"3/h\"");
    let spellings = [
        "alice.smith@example.com",
        "ALICE.SMITH@EXAMPLE.COM",
        "al\u{131}ce.sm\u{131}th@example.com",
        "AL\u{130}CE.SMITH@example.com",
        "alice.\u{17f}mith@example.com",
        "\u{ff41}lice.smith@example.com",
        "\u{e1}lice.smith@example.com",
        "a\u{301}lice.smith@example.com",
        "alice\u{200b}.smith@example.com",
        "alice.smith@example.com.",
        "\u{3000}alice.smith@example.com",
    ];
    let statuses = spellings.map(|account| stage.guess(account, HOME));
    assert_eq!(statuses[..3], [401; 3]);
    assert_eq!(statuses[3..], [429; 8]);
    assert_eq!(stage.calls(), 3);
}

/// An app that knows an account under several names says which account it is.
#[test]
fn names_that_the_app_alone_knows_are_one_account() {
    let stage = Stage::with("per_account = \"3/h\"");
    stage.app.on(AUTHENTICATE, |exchange| {
        let typed = exchange.json()["email"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let account = if typed.contains("alice") {
            "account-of-alice"
        } else {
            "other"
        };
        let status = if typed.ends_with('2') { 403 } else { 401 };
        let code = if status == 403 {
            "account_disabled"
        } else {
            "invalid_credentials"
        };
        Reply::json(status, &json!({"code": code, "account": account}))
    });
    assert_eq!(stage.guess("alice", HOME), 401);
    assert_eq!(stage.guess(ALICE, HOME), 401);
    assert_eq!(stage.guess("alice2", HOME), 403);
    for name in ["alice", ALICE, "alice2", "ALICE"] {
        assert_eq!(stage.guess(name, "203.0.113.1"), 429, "{name}");
    }
    assert_eq!(stage.calls(), 3);
    assert_eq!(stage.guess("bob", HOME), 401);
    let shown = stage.gateway.output();
    assert!(!shown.contains("account-of-alice"));
}

/// It is a failure all the same, or whoever finds a name for which the app errs could guess without end.
#[test]
fn refusal_outside_the_contract_counts_and_says_nothing() {
    let long = "x".repeat(257);
    for refusal in [
        json!({"code": "invalid_credentials", "account": 7}),
        json!({"code": "invalid_credentials", "account": ""}),
        json!({"code": "invalid_credentials", "account": long}),
        json!({"code": "mfa_required", "flows": "totp"}),
        json!({"code": "mfa_required", "flows": [{"id": "totp"}]}),
        json!({"code": "mfa_required", "flows": ["<script>"]}),
        json!({"code": "mfa_required", "flows": vec!["totp"; 17]}),
        json!({"code": "surprise"}),
    ] {
        let stage = Stage::with("per_account = \"2/h\"");
        stage.app.on_authenticate(Reply::json(401, &refusal));
        let statuses = [(); 2].map(|()| stage.guess(ALICE, HOME));
        assert_eq!(statuses, [503; 2], "{refusal}");
        stage.is_limited(&stage.send(login(ALICE, "guess"), HOME), "account");
    }
}

/// An app with a second factor, whose code is 123456.
fn with_second_factor(credentials: &Value) -> Reply {
    if credentials["password"] != PASSWORD {
        return Reply::json(401, &json!({"code": "invalid_credentials"}));
    }
    if credentials["otp"] == "123456" {
        return Reply::json(200, &app::identity(ALICE));
    }
    Reply::json(
        401,
        &json!({"code": "mfa_required", "flows": ["totp", "recovery_codes"]}),
    )
}

fn with_code(code: &str) -> Request {
    Request::post(SESSION).json(&json!({"email": ALICE, "password": PASSWORD, "otp": code}))
}

#[test]
fn second_factor_is_asked_for_and_a_wrong_one_counts() {
    let stage = Stage::with("per_account = \"2/h\"");
    stage.app.on(AUTHENTICATE, |exchange| {
        with_second_factor(&exchange.json())
    });

    let asked = stage.send(login(ALICE, PASSWORD), HOME);
    assert_eq!(asked.problem(401), "mfa_required");
    assert_eq!(asked.json()["flows"], json!(["totp", "recovery_codes"]));
    assert_eq!(stage.send(with_code("123456"), HOME).status, 201);

    let away = "203.0.113.1";
    assert_eq!(stage.send(with_code("000000"), away).status, 401);
    assert_eq!(stage.send(with_code("000001"), away).status, 401);
    let third = stage.send(with_code("123456"), away);
    stage.is_limited(&third, "account");
    assert_eq!(stage.send(with_code("123456"), HOME).status, 201);
}

/// Each may make the app send a message.
#[test]
fn first_steps_without_end_are_stopped() {
    let stage = Stage::with("per_account = \"2/h\"");
    stage.app.on(AUTHENTICATE, |exchange| {
        with_second_factor(&exchange.json())
    });
    for _ in 0..2 {
        assert_eq!(stage.send(login(ALICE, PASSWORD), HOME).status, 401);
    }
    let third = stage.send(login(ALICE, PASSWORD), HOME);
    stage.is_limited(&third, "first_step");
    assert_eq!(stage.send(with_code("123456"), HOME).status, 201);
}
