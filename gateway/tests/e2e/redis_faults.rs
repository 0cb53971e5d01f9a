//! Redis may be absent, dead, silent, stale or hostile: the answers stay the same.

use std::thread;
use std::time::Duration;

use session_testing::{TestDatabase, TestPostgres, TestRedis};

use sidgate_testkit::stores::{redis_config, redis_set, redis_values, store_config};
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{App, Gateway};

/// A gateway on PostgreSQL and Redis, and the sid of alice, whose session Redis holds.
struct Stage {
    // Dropped in this order: gateways go before what they speak to.
    gateway: Gateway,
    database: TestDatabase,
    redis: TestRedis,
    app: App,
    sid: String,
}

impl Stage {
    fn set() -> Self {
        let app = App::start();
        let database = TestPostgres::shared().database();
        let redis = TestRedis::start();
        let gateway = Gateway::in_front_of(&app)
            .with(&store_config(&database))
            .with(&redis_config(&redis))
            .start();
        let mut stage = Self {
            gateway,
            database,
            redis,
            app,
            sid: String::new(),
        };
        stage.sid = stage.log_in_with_redis("alice");
        stage
    }

    /// Logs in until Redis has taken the session: it may still be connecting, or too slow once.
    fn log_in_with_redis(&self, user: &str) -> String {
        until("a value in Redis", LONG, || {
            let before = redis_values(&self.redis).len();
            let sid = self.gateway.log_in(&format!("{user}@example.com"));
            self.is_user(&self.gateway, &sid, user);
            let taken = || redis_values(&self.redis).len() > before;
            holds_soon(taken).then_some(sid)
        })
    }

    /// Poisons Redis and lets `check` ask a node that remembers nothing and has read the poison. Once in a while Redis is
    /// too slow to be read at all; then another node is asked.
    fn poisoned(&self, poison: impl Fn(), check: impl Fn(&Gateway)) {
        until("a node that has read Redis", LONG, || {
            poison();
            let cold = self.cold_node();
            check(&cold);
            let failed = cold.core("shared_errors");
            (failed == 0.0).then(|| assert_eq!(rejects(&cold), 1.0))
        });
    }

    /// A node of the same installation that remembers nothing.
    fn cold_node(&self) -> Gateway {
        Gateway::in_front_of(&self.app)
            .with(&store_config(&self.database))
            .with(&redis_config(&self.redis))
            .master_of(&self.gateway)
            .start()
    }

    fn is_alice(&self, sid: &str) {
        self.is_user(&self.gateway, sid, "alice");
    }

    fn is_user(&self, gateway: &Gateway, sid: &str, user: &str) {
        gateway.get_as(sid, "/required").must_be(200);
        let seen = self.app.last_request();
        assert_eq!(seen.user().as_deref(), Some(user));
    }

    /// Everything that a browser does, with sessions new and old.
    fn everything_works(&self) {
        self.is_alice(&self.sid);
        let sid = self.gateway.log_in("alice@example.com");
        self.is_alice(&sid);
        assert_eq!(self.gateway.log_out(&sid).status, 204);
        assert!(!self.gateway.knows(&sid));
        assert!(self.gateway.is_ready());
    }
}

fn answered_by(gateway: &Gateway, tier: &str) -> f64 {
    let labels = [("tier", tier), ("result", "active")];
    gateway.sum("sidgate_resolve_total", &labels)
}

/// Whether it holds within half a second.
fn holds_soon(condition: impl Fn() -> bool) -> bool {
    (0..25).any(|_| {
        thread::sleep(Duration::from_millis(20));
        condition()
    })
}

fn rejects(gateway: &Gateway) -> f64 {
    gateway.sum("sidgate_shared_reject_total", &[])
}

#[test]
fn restart_with_a_warm_redis_reads_no_store() {
    let mut stage = Stage::set();
    until_true("an answer of Redis", LONG, || {
        assert!(stage.gateway.stop().success());
        stage.gateway.start_again();
        stage.is_alice(&stage.sid);
        stage.gateway.core("shared_errors") == 0.0
    });

    stage.is_alice(&stage.sid);

    assert_eq!(answered_by(&stage.gateway, "shared"), 1.0);
    assert_eq!(answered_by(&stage.gateway, "local"), 1.0);
    assert_eq!(stage.gateway.core("store_loads"), 0.0);
}

#[test]
fn killed_redis_changes_no_answer() {
    let mut stage = Stage::set();

    stage.redis.stop();
    stage.everything_works();

    stage.redis.restart();
    stage.everything_works();
    until_true("Redis in use again", LONG, || {
        let sid = stage.gateway.log_in("alice@example.com");
        stage.is_alice(&sid);
        !redis_values(&stage.redis).is_empty()
    });
}

#[test]
fn silent_redis_changes_no_answer() {
    let stage = Stage::set();

    stage.redis.pause();
    stage.everything_works();
    let cold = stage.cold_node();
    stage.is_user(&cold, &stage.sid, "alice");

    stage.redis.resume();
    stage.everything_works();
}

#[test]
fn absent_redis_does_not_keep_the_gateway_from_starting() {
    let mut stage = Stage::set();
    stage.redis.stop();

    let cold = stage.cold_node();

    stage.is_user(&cold, &stage.sid, "alice");
    let sid = cold.log_in("bob@example.com");
    stage.is_user(&cold, &sid, "bob");
}

#[test]
fn garbage_in_redis_is_not_believed() {
    let stage = Stage::set();
    let garbage: [&[u8]; 4] = [b"", b"garbage", &[0; 64], &[0xff; 100_000]];
    let keys = redis_values(&stage.redis);
    for value in garbage {
        let poison = || {
            for (key, _) in &keys {
                redis_set(&stage.redis, key, value);
            }
        };
        stage.poisoned(poison, |cold| stage.is_user(cold, &stage.sid, "alice"));
    }
}

#[test]
fn altered_value_is_not_believed() {
    let stage = Stage::set();
    let values = redis_values(&stage.redis);
    let poison = || {
        for (key, value) in &values {
            let mut value = value.clone();
            let middle = value.len() / 2;
            value[middle] ^= 1;
            redis_set(&stage.redis, key, &value);
        }
    };
    stage.poisoned(poison, |cold| stage.is_user(cold, &stage.sid, "alice"));
}

#[test]
fn value_of_another_session_is_not_believed() {
    let stage = Stage::set();
    let alice = redis_values(&stage.redis);
    let bob = stage.log_in_with_redis("bob");
    let keys = redis_values(&stage.redis);
    let poison = || {
        for (key, _) in &keys {
            redis_set(&stage.redis, key, &alice[0].1);
        }
    };
    stage.poisoned(poison, |cold| stage.is_user(cold, &bob, "bob"));
}

#[test]
fn value_from_before_the_logout_is_not_believed() {
    let stage = Stage::set();
    let before = redis_values(&stage.redis);
    assert_eq!(stage.gateway.log_out(&stage.sid).status, 204);
    let poison = || {
        for (key, value) in &before {
            redis_set(&stage.redis, key, value);
        }
    };
    stage.poisoned(poison, |cold| {
        for gateway in [cold, &stage.gateway] {
            let response = gateway.get_as(&stage.sid, "/required");
            assert_eq!(response.problem(401), "unauthenticated");
        }
    });
}

#[test]
fn redis_holds_neither_sids_nor_identities() {
    let stage = Stage::set();
    for (key, value) in redis_values(&stage.redis) {
        for bytes in [key, value] {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for secret in [&stage.sid, &stage.sid.replace('-', ""), "alice", "free"] {
                assert!(!text.contains(secret), "{secret} in {text:?}");
            }
        }
    }
}
