//! Two gateways on one store: what ends on one is refused by the other within the lease, by the heartbeat alone.

use rustix::process::Signal;
use serde_json::json;
use session_testing::{TestDatabase, TestPostgres, TestRedis};

use sidgate_testkit::cli::sidgate;
use sidgate_testkit::stores::{redis_config, sql, sql_number, store_config};
use sidgate_testkit::wait::{LEASE, LONG, instant, until, until_true};
use sidgate_testkit::{App, Gateway, Request, token};

/// Two nodes of one installation.
struct Cluster {
    // Dropped in this order: gateways go before what they speak to.
    one: Gateway,
    two: Gateway,
    database: TestDatabase,
    _redis: Option<TestRedis>,
    app: App,
}

impl Cluster {
    fn with_redis() -> Self {
        Self::start(Some(TestRedis::start()))
    }

    fn without_redis() -> Self {
        Self::start(None)
    }

    fn start(redis: Option<TestRedis>) -> Self {
        let app = App::start();
        let database = TestPostgres::shared().database();
        let config =
            store_config(&database) + &redis.as_ref().map_or_else(String::new, redis_config);
        let one = Gateway::in_front_of(&app).with(&config).start();
        let two = Gateway::in_front_of(&app)
            .with(&config)
            .master_of(&one)
            .start();
        Self {
            one,
            two,
            database,
            _redis: redis,
            app,
        }
    }

    /// A session that both nodes have served from their own memory.
    fn session(&self) -> String {
        let sid = self.one.log_in("alice@example.com");
        for node in [&self.one, &self.two, &self.one, &self.two] {
            assert!(admits(node, &sid));
        }
        sid
    }

    /// After `end`, neither node may admit a request that starts later than the lease.
    fn is_refused_everywhere_after(&self, sid: &str, end: impl FnOnce()) {
        end();
        let ended = instant();
        for node in [&self.two, &self.one] {
            until_true("the refusal", LONG, || {
                let asked = ended.elapsed();
                let status = ask(node, sid);
                assert!(
                    status != 200 || asked <= LEASE,
                    "admitted {asked:?} after the end"
                );
                status == 401
            });
            assert_eq!(ask(node, sid), 401, "refused for good");
        }
    }
}

/// How a required route answers: 200, 401, or 503 when the node does not know.
fn ask(node: &Gateway, sid: &str) -> u16 {
    let response = node.get_as(sid, "/required");
    assert!([200, 401, 503].contains(&response.status), "{response:?}");
    response.status
}

/// Whether a node lets the session through, once it knows.
fn admits(node: &Gateway, sid: &str) -> bool {
    let known = |status| [200, 401].contains(&status).then_some(status);
    until("a node that knows", LONG, || known(ask(node, sid))) == 200
}

#[test]
fn login_on_one_node_works_on_the_other() {
    let cluster = Cluster::with_redis();

    let sid = cluster.one.log_in("alice@example.com");

    assert!(admits(&cluster.two, &sid));
    assert_eq!(cluster.two.session_of(&sid)["user"]["id"], "alice");
}

#[test]
fn logout_on_one_node_is_refused_on_the_other() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();

    cluster.is_refused_everywhere_after(&sid, || {
        assert_eq!(cluster.one.log_out(&sid).status, 204);
    });
}

#[test]
fn logout_is_refused_everywhere_without_redis() {
    let cluster = Cluster::without_redis();
    let sid = cluster.session();

    cluster.is_refused_everywhere_after(&sid, || {
        assert_eq!(cluster.one.log_out(&sid).status, 204);
    });
}

#[test]
fn logout_is_refused_at_once_on_the_node_that_did_it() {
    let cluster = Cluster::with_redis();
    for _ in 0..10 {
        let sid = cluster.session();
        assert_eq!(cluster.one.log_out(&sid).status, 204);
        assert!(!admits(&cluster.one, &sid));
    }
}

#[test]
fn update_by_sql_ends_a_session() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();

    cluster.is_refused_everywhere_after(&sid, || {
        sql(
            &cluster.database,
            "UPDATE sidgate_session SET revoked_at = now()",
        );
    });
}

#[test]
fn delete_by_sql_ends_a_session() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();

    cluster.is_refused_everywhere_after(&sid, || {
        sql(&cluster.database, "DELETE FROM sidgate_session");
    });
}

#[test]
fn truncate_by_sql_ends_a_session() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();

    cluster.is_refused_everywhere_after(&sid, || {
        sql(&cluster.database, "TRUNCATE sidgate_session");
    });
}

#[test]
fn revocation_of_a_user_by_sql_ends_the_sessions_of_this_user_alone() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();
    let other = cluster.one.log_in("bob@example.com");

    cluster.is_refused_everywhere_after(&sid, || {
        let revoke = "INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', 'alice')";
        sql(&cluster.database, revoke);
    });

    assert!(admits(&cluster.one, &other));
    assert!(admits(
        &cluster.one,
        &cluster.one.log_in("alice@example.com")
    ));
}

#[test]
fn revocation_that_is_rolled_back_ends_nothing() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();
    let events = "SELECT count(*) FROM sidgate_event";
    let before = sql_number(&cluster.database, events);

    sql(
        &cluster.database,
        "BEGIN; UPDATE sidgate_session SET revoked_at = now(); ROLLBACK",
    );

    assert_eq!(sql_number(&cluster.database, events), before);
    assert!(admits(&cluster.one, &sid));
    assert!(admits(&cluster.two, &sid));
}

#[test]
fn revocation_by_command_is_refused_everywhere() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();
    let id = cluster.one.session_of(&sid)["session"]["id"].clone();
    let config = cluster.one.config_file();

    cluster.is_refused_everywhere_after(&sid, || {
        let config = config.to_str().unwrap();
        let arguments = [
            "sessions",
            "revoke",
            id.as_str().unwrap(),
            "--config",
            config,
        ];
        sidgate(cluster.one.folder(), &arguments).success();
    });
}

#[test]
fn update_by_an_app_reaches_the_other_node() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();
    let patch = json!({"attributes": {"plan": "pro"}});
    let event = json!([{"type": "update", "identity": patch}]);
    cluster.app.says("/update", event);

    cluster.one.send(&Request::post("/update").sid(&sid));

    until_true("the new identity on the other node", LEASE, || {
        cluster.two.get_as(&sid, "/");
        let assertion = cluster.app.last_request().header("x-session-assertion");
        let claims = token::verify(&cluster.app.key(), &assertion.unwrap());
        claims["attrs"]["plan"] == "pro"
    });
}

#[test]
fn login_on_one_node_ends_the_session_made_on_the_other() {
    let cluster = Cluster::with_redis();
    let sid = cluster.session();

    cluster.is_refused_everywhere_after(&sid, || {
        let login = sidgate_testkit::login("bob@example.com", sidgate_testkit::app::PASSWORD);
        assert_eq!(cluster.two.send(&login.sid(&sid)).status, 201);
    });
}

/// The receipt waits for a node that is silent, and the request that asked for it belongs to a session that has ended.
#[test]
fn logout_by_the_app_answers_although_another_node_is_frozen() {
    let cluster = Cluster::without_redis();
    for scope in ["this", "all"] {
        let sid = cluster.session();
        cluster
            .app
            .says("/logout", json!([{"type": "logout", "scope": scope}]));

        cluster.two.signal(Signal::STOP);
        let response = cluster.one.send(&Request::post("/logout").sid(&sid));
        cluster.two.signal(Signal::CONT);

        assert_eq!(response.status, 200, "{scope}");
        let cookie = response.header("set-cookie").unwrap_or_default();
        assert!(cookie.starts_with("sid=;"), "{scope}: {cookie}");
        assert_eq!(ask(&cluster.one, &sid), 401);
        cluster.two.wait_until_ready();
    }
}
