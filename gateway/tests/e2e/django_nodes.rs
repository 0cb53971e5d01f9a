//! Everything real in one run: the Django demo under gunicorn behind two gateways that share PostgreSQL and Redis.

use serde_json::{Value, json};
use session_testing::{TestDatabase, TestPostgres, TestRedis};

use sidgate_testkit::browser::Browser;
use sidgate_testkit::django::Demo;
use sidgate_testkit::stores::{redis_config, redis_values, sql_number, store_config};
use sidgate_testkit::wait::{LEASE, LONG, until_true};
use sidgate_testkit::{Gateway, Request, login};

const USER: &str = "test@example.com";
const PASSWORD: &str = "password";

struct Stage {
    // Dropped in this order: gateways go before what they speak to.
    two: Gateway,
    demo: Demo,
    database: TestDatabase,
    redis: TestRedis,
}

impl Stage {
    fn set() -> Self {
        let database = TestPostgres::shared().database();
        let redis = TestRedis::start();
        let demo = Demo::start_on(&(store_config(&database) + &redis_config(&redis)));
        Self {
            two: demo.another_node(),
            demo,
            database,
            redis,
        }
    }

    fn one(&self) -> &Gateway {
        &self.demo.gateway
    }

    fn nodes(&self) -> [&Gateway; 2] {
        [self.one(), &self.two]
    }

    fn live_sessions(&self) -> i64 {
        let query = "SELECT count(*) FROM sidgate_session WHERE revoked_at IS NULL";
        sql_number(&self.database, query)
    }

    /// After an end that was acknowledged, no node lets it through, and Django sees nobody.
    fn is_over(&self, sid: &str) {
        for node in self.nodes() {
            until_true("the end on every node", LEASE, || {
                node.get_as(sid, "/private").status == 401
            });
            assert_eq!(whoami(node, sid)["session"]["state"], "anonymous");
        }
        assert_eq!(self.live_sessions(), 0);
    }
}

fn whoami(node: &Gateway, sid: &str) -> Value {
    let response = node.get_as(sid, "/whoami").must_be(200);
    response.json()
}

#[test]
fn login_by_json_on_one_node_is_seen_by_django_through_both() {
    let stage = Stage::set();

    let response = stage.one().send(&login(USER, PASSWORD)).must_be(201);
    let sid = response.new_sid();

    for node in stage.nodes() {
        let seen = whoami(node, &sid);
        let view = node.session_of(&sid);
        assert_eq!(
            seen["session"],
            json!({"state": "active", "verified": true})
        );
        assert_eq!(seen["user"]["email"], USER);
        assert_eq!(seen["user"]["id"], view["user"]["id"]);
        assert_eq!(seen["headers"]["X-Session-Id"], view["session"]["id"]);
        assert_eq!(
            seen["cookies"],
            json!(["sidgate"]),
            "the sid stays at the gateway"
        );
    }
    assert_eq!(stage.live_sessions(), 1);
    until_true("the session in Redis", LONG, || {
        whoami(stage.one(), &sid);
        !redis_values(&stage.redis).is_empty()
    });

    assert_eq!(stage.two.log_out(&sid).status, 204);

    stage.is_over(&sid);
}

#[test]
fn djangos_own_form_and_logout_hold_on_every_node() {
    let stage = Stage::set();
    let mut browser = Browser::of(stage.one());
    let form = [
        ("username", USER),
        ("password", PASSWORD),
        ("next", "/private"),
    ];

    browser.submit("/login?next=/private", &form).must_be(302);
    let sid = browser.sid().expect("a sid in the jar").to_owned();

    assert_eq!(browser.open("/private").status, 200);
    let private = Request::get("/private").sid(&sid);
    assert_eq!(stage.two.send(&private).status, 200);
    assert_eq!(whoami(&stage.two, &sid)["user"]["email"], USER);
    assert_eq!(stage.live_sessions(), 1);

    let home = browser.open("/");
    let response = browser.submit_to("/logout", &home, &[]);

    assert_eq!(response.status, 302, "{response:?}");
    assert_eq!(browser.sid(), None, "the cookie is cleared");
    stage.is_over(&sid);
}

#[test]
fn wrong_password_is_refused_and_leaves_nothing_behind() {
    let stage = Stage::set();

    let response = stage.two.send(&login(USER, "wrong"));

    assert_eq!(response.problem(401), "invalid_credentials");
    assert!(response.leaves_cookies_alone());
    assert_eq!(stage.live_sessions(), 0);
    assert!(redis_values(&stage.redis).is_empty());
}
