//! Keys and variables that concern the process: threads, the admin token, what the environment overrides.

use session_testing::{TestPostgres, TestRedis};

use sidgate_testkit::stores::{redis_config, redis_lives, store_config};
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{Gateway, Request, Stage};

#[test]
fn threads_are_as_many_as_configured() {
    let with = |threads: usize| Stage::with([&format!("[server]\nthreads = {threads}")]).threads();

    let (few, many) = (with(1), with(21));

    // Others come and go with the work.
    assert!((15..=25).contains(&(many - few)), "{few} and {many}");
}

#[test]
fn metrics_need_the_admin_token_and_health_does_not() {
    let token = "0123456789abcdef0123456789abcdef";
    let stage = Stage::built(|it| {
        it.with("[admin]\ntoken = \"${TEST_ADMIN_TOKEN}\"")
            .env("TEST_ADMIN_TOKEN", token)
    });
    let ask = |path: &str, authorization: Option<&str>| {
        let request = Request::get(path);
        let request = match authorization {
            Some(said) => request.header("Authorization", said),
            None => request,
        };
        stage.send_to_admin(&request)
    };

    let metrics = ask("/metrics", Some(&format!("Bearer {token}")));
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().contains("sidgate_lease_remaining_seconds"));
    let (cut, longer) = (&token[1..], format!("Bearer {token}0"));
    for said in [
        None,
        Some(token),
        Some("Bearer "),
        Some(&*format!("Bearer {cut}")),
        Some(&*longer),
        Some(&*format!("Basic {token}")),
    ] {
        let refused = ask("/metrics", said);
        assert_eq!(refused.status, 401, "{said:?}");
        assert!(!refused.text().contains("sidgate_"), "{said:?}");
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(ask(path, None).status, 200, "{path}");
    }
    assert!(!stage.output().contains(token));
}

#[test]
fn metrics_without_a_token_are_open_on_loopback() {
    let stage = Stage::start();
    assert_eq!(stage.admin("/metrics").status, 200);
}

/// Logs in and uses the session until `redis` has taken one, and returns how long it may stay there.
fn life_in(redis: &TestRedis, gateway: &Gateway) -> i64 {
    until("a value in Redis", LONG, || {
        let sid = gateway.log_in("alice@example.com");
        assert!(gateway.knows(&sid));
        redis_lives(redis).into_iter().max()
    })
}

#[test]
fn redis_ttl_is_how_long_a_value_stays() {
    let database = TestPostgres::shared().database();
    let redis = TestRedis::start();
    let stage = Stage::with([
        &store_config(&database),
        &redis_config(&redis),
        "[cache]\nredis_ttl = \"100s\"",
    ]);

    let life = life_in(&redis, &stage);

    // Up to 10 % less, and the time that has passed.
    assert!((60_000..=100_000).contains(&life), "{life}");
}

#[test]
fn session_cache_ttl_wins_over_the_file_in_milliseconds() {
    let redis = TestRedis::start();
    let stage = Stage::built(|it| {
        it.with(&redis_config(&redis))
            .with("[cache]\nredis_ttl = \"30m\"")
            .env("SESSION_CACHE_TTL", "100000")
    });

    let life = life_in(&redis, &stage);

    assert!((60_000..=100_000).contains(&life), "{life}");
}

#[test]
fn redis_url_of_the_environment_wins_over_the_file() {
    let (of_file, of_environment) = (TestRedis::start(), TestRedis::start());
    let stage = Stage::built(|it| {
        it.with(&redis_config(&of_file))
            .env("REDIS_URL", &of_environment.url())
    });

    life_in(&of_environment, &stage);

    assert!(redis_lives(&of_file).is_empty());
}

/// An empty variable counts as not set.
#[test]
fn empty_variables_leave_the_file_as_it_is() {
    let redis = TestRedis::start();
    let stage = Stage::built(|it| {
        it.with(&redis_config(&redis))
            .with("[cache]\nredis_ttl = \"100s\"")
            .env("REDIS_URL", "")
            .env("SESSION_CACHE_TTL", "")
            .env("ENABLE_SESSION_METRICS", "")
    });

    assert!((60_000..=100_000).contains(&life_in(&redis, &stage)));
    until_true("metrics", LONG, || stage.admin("/metrics").status == 200);
}
