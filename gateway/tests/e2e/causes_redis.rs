//! Why Redis cannot be used, in the words of the log: once for each cause, and the gateway goes on without it.

use serde_json::Value;
use session_testing::{TestAuthority, TestRedis, TestRedisTls, Validity};

use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{App, Gateway};

/// What must never be shown.
const PASSWORD: &str = "hunter2-is-the-password";

/// A gateway with this `[cache]` tells the cause, and nothing that is secret. It serves all the same.
#[track_caller]
fn tells(cache: &str, words: &str) {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with(&format!("[cache]\n{cache}"))
        .start();
    let sid = gateway.log_in("alice@example.com");
    assert!(gateway.knows(&sid), "{cache}");
    let found = until(words, LONG, || {
        let causes = causes(&gateway);
        causes
            .iter()
            .any(|cause| cause.contains(words))
            .then_some(causes)
    });
    assert!(found.len() <= 3, "told once: {found:?}");
    let output = gateway.output();
    for secret in [PASSWORD, "@127.0.0.1", "PRIVATE KEY"] {
        assert!(!output.contains(secret), "{secret} in {output}");
    }
}

/// What the log says about Redis, beside hints.
fn causes(gateway: &Gateway) -> Vec<String> {
    let stdout = gateway.stdout();
    let lines = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| {
            line["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("redis "))
        })
        .filter_map(|line| line["cause"].as_str().map(str::to_owned))
        .collect()
}

fn url(rest: &str) -> String {
    format!("redis_url = \"redis://{rest}\"")
}

#[test]
fn a_login_that_redis_refuses_is_told() {
    let redis = TestRedis::start();
    let port = redis.port();
    let said = redis.command(&[
        "ACL",
        "SETUSER",
        "gw",
        "on",
        &format!(">{PASSWORD}"),
        "~*",
        "&*",
        "+@all",
    ]);
    assert_eq!(said.trim(), "OK");
    tells(
        &url(&format!("gw:{PASSWORD}x@127.0.0.1:{port}")),
        "WRONGPASS invalid username-password pair or user is disabled",
    );
    let said = redis.command(&["ACL", "SETUSER", "gw", "-get"]);
    assert_eq!(said.trim(), "OK");
    tells(&url(&format!("gw:{PASSWORD}@127.0.0.1:{port}")), "NOPERM");
    let said = redis.command(&["CONFIG", "SET", "requirepass", PASSWORD]);
    assert_eq!(said.trim(), "OK");
    tells(
        &url(&format!("127.0.0.1:{port}")),
        "NOAUTH Authentication required: give a password in cache.redis_url or cache.password",
    );
}

#[test]
fn a_redis_that_takes_no_values_is_told() {
    let redis = TestRedis::start();
    let port = redis.port();
    for (setting, value, words) in [
        (
            "min-replicas-to-write",
            "1",
            "NOREPLICAS Not enough good replicas to write",
        ),
        (
            "maxmemory",
            "1",
            "OOM command not allowed when used memory > 'maxmemory'",
        ),
    ] {
        let said = redis.command(&["CONFIG", "SET", setting, value]);
        assert_eq!(said.trim(), "OK");
        tells(&url(&format!("127.0.0.1:{port}")), words);
        let said = redis.command(&["CONFIG", "SET", setting, "0"]);
        assert_eq!(said.trim(), "OK");
    }
    let said = redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(said.trim(), "OK");
    tells(
        &url(&format!("127.0.0.1:{port}")),
        "READONLY You can't write against a read only replica",
    );
}

#[test]
fn a_redis_that_is_not_there_is_told() {
    let port = free_port();
    tells(
        &url(&format!(":{PASSWORD}@127.0.0.1:{port}")),
        &format!("connection refused (127.0.0.1:{port})"),
    );
    tells(
        &url(&format!(":{PASSWORD}@nowhere.invalid")),
        "the name nowhere.invalid does not resolve",
    );
    tells(
        &format!(
            "redis_url = \"redis-sentinel://:{PASSWORD}@127.0.0.1:{port}?sentinelServiceName=x\""
        ),
        &format!("connection refused (127.0.0.1:{port})"),
    );
    let redis = TestRedis::start();
    redis.pause();
    let port = redis.port();
    tells(
        &format!(
            "{}\nconnect_timeout = \"300ms\"",
            url(&format!("127.0.0.1:{port}"))
        ),
        "300 ms (cache.connect_timeout)",
    );
    redis.resume();
}

#[test]
fn what_is_wrong_with_a_certificate_is_told() {
    let authority = TestAuthority::new();
    let ca = authority.certificate();
    let with_ca = |redis: &TestRedisTls| format!("redis_url = {:?}\nca = {ca:?}", redis.url());
    let redis = TestRedisTls::start(&authority.server(), &ca, false);
    tells(
        &format!("redis_url = {:?}", redis.url()),
        "TLS: the server's certificate is of an unknown authority; see cache.ca",
    );
    let plain = redis.server.port();
    tells(
        &format!("redis_url = \"rediss://127.0.0.1:{plain}\"\nca = {ca:?}"),
        &format!("no connection with 127.0.0.1:{plain} within 1000 ms (cache.connect_timeout)"),
    );
    drop(redis);
    let over = authority.issue("over", "DNS:localhost,IP:127.0.0.1", Validity::Over);
    tells(
        &with_ca(&TestRedisTls::start(&over, &ca, false)),
        "TLS: the server's certificate ended 2020-12-31T00:00:00Z",
    );
    let elsewhere = authority.issue("elsewhere", "DNS:replica.internal", Validity::Now);
    tells(
        &with_ca(&TestRedisTls::start(&elsewhere, &ca, false)),
        "TLS: the server's certificate is for another name: for replica.internal, not for 127.0.0.1",
    );
    tells(
        &with_ca(&TestRedisTls::start(&authority.server(), &ca, true)),
        "TLS: the server wants a certificate of its clients; see cache.client_cert",
    );
}
