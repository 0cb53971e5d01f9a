//! A Redis that others use too: every name has the prefix, and what an access list keeps from us is told.

use session_testing::{RedisUser, TestRedis};

use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::stores::redis_values;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway};

const COMMANDS: &str = "-@all +get +set +unlink +publish +subscribe";
const NAMES: &str = "~shop:sidgate:1:* &shop:sidgate:1:hint";

fn gateway_of(app: &App, redis: &TestRedis) -> Gateway {
    let port = redis.port();
    Gateway::in_front_of(app)
        .with(&format!(
            "[cache]\nredis_url = \"redis://gw:gw@127.0.0.1:{port}\"\nkey_prefix = \"shop:\"\n"
        ))
        .start()
}

fn check(gateway: &Gateway) -> Outcome {
    let config = gateway.config_file();
    let config = config.to_str().unwrap();
    sidgate(
        gateway.folder(),
        &["check", "--connect", "--json", "--config", config],
    )
}

#[test]
fn names_have_the_prefix_and_need_rights_to_no_other() {
    let (app, redis) = (App::start(), TestRedis::start());
    RedisUser::new("gw", &format!("{NAMES} {COMMANDS}")).enter(&redis);
    let gateway = gateway_of(&app, &redis);
    until_true("a value in Redis", LONG, || {
        let sid = gateway.log_in("alice@example.com");
        assert!(gateway.knows(&sid));
        !redis_values(&redis).is_empty()
    });
    for (key, _) in redis_values(&redis) {
        let key = String::from_utf8(key).unwrap();
        assert!(key.starts_with("shop:sidgate:1:"), "{key}");
    }
    until_true("the channel", LONG, || {
        redis.command(&["PUBSUB", "CHANNELS"]).trim() == "shop:sidgate:1:hint"
    });

    let outcome = check(&gateway);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("the message arrives"),
        "{outcome:?}"
    );
}

#[test]
fn every_right_that_is_missing_is_told_with_what_to_do() {
    let (app, redis) = (App::start(), TestRedis::start());
    RedisUser::new("gw", &format!("{NAMES} {COMMANDS}")).enter(&redis);
    let gateway = gateway_of(&app, &redis);
    for (rights, told, remedy) in [
        (
            format!("{NAMES} {COMMANDS} -publish -subscribe"),
            "may not send PUBLISH",
            "+publish +subscribe",
        ),
        (
            format!("~other:* &other:* {COMMANDS}"),
            "may not use keys shop:sidgate:1:*, nor use the channel shop:sidgate:1:hint",
            "'&shop:sidgate:1:hint' '~shop:sidgate:1:*'",
        ),
    ] {
        RedisUser::new("gw", &rights).enter(&redis);
        let outcome = check(&gateway);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        for words in [told, remedy] {
            assert!(outcome.stdout.contains(words), "{words}: {outcome:?}");
        }
        assert!(outcome.stdout.contains("notify"), "hints: {outcome:?}");
    }
}
