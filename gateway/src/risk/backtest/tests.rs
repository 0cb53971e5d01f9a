//! Numbers for a story that was made up.

use super::*;
use crate::risk::rules::rules_for_tests;

fn seen(session: u128, user: &str, hour: i64, family: &str) -> Sighting {
    Sighting {
        session: Uuid::from_u128(session),
        user_id: user.into(),
        tenant_id: None,
        at: Timestamp::from_micros(hour * 3_600_000_000),
        left_at: None,
        network: "203.0.113.0".parse().unwrap(),
        family: family.into(),
        country: None,
        asn: None,
        location: None,
        // As some other rule said when it was recorded.
        signals: vec![RiskRule::Country],
    }
}

fn replay(user_agent: RiskAction, from_hour: i64, story: &[Sighting]) -> Report {
    let rules = RiskRules {
        user_agent,
        ..rules_for_tests()
    };
    let begin = Timestamp::from_micros(from_hour * 3_600_000_000);
    let mut replay = Replay::new(&rules, begin);
    story.iter().for_each(|seen| replay.see(seen.clone()));
    replay.report
}

fn story() -> Vec<Sighting> {
    vec![
        seen(1, "a", 1, "Chrome on macOS"),
        seen(2, "a", 1, "Chrome on macOS"),
        seen(3, "b", 2, "Chrome on macOS"),
        seen(1, "a", 3, "Firefox on Linux"),
        seen(1, "a", 4, "Edge on Windows"),
        seen(2, "a", 5, "Firefox on Linux"),
        seen(3, "b", 6, "Chrome on macOS"),
    ]
}

#[test]
fn a_rule_that_ends_sessions_meets_each_once() {
    let ended = replay(RiskAction::Revoke, 0, &story());
    let text = ended.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "recorded: 7 changes of 3 sessions of 2 users");
    assert_eq!(
        lines[1],
        "user_agent         revoke   would have ended 2 sessions of 1 users (2 signals)"
    );
    assert_eq!(lines.len(), 6);
    assert!(lines[2].ends_with("observe  would have flagged 0 sessions of 0 users (0 signals)"));
}

#[test]
fn a_rule_that_looks_on_meets_them_again() {
    let seen = replay(RiskAction::Observe, 0, &story());
    let view = seen.view();
    let expected =
        json!({"rule": "user_agent", "action": "observe", "signals": 3, "sessions": 2, "users": 1});
    assert_eq!(view["rules"][0], expected);
    assert_eq!((&view["changes"], &view["users"]), (&json!(7), &json!(2)));
}

#[test]
fn what_was_before_is_known_and_not_counted() {
    let seen = replay(RiskAction::Observe, 4, &story());
    let view = seen.view();
    assert_eq!(
        (&view["changes"], &view["sessions"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(
        view["rules"][0]["signals"], 2,
        "Edge, and Firefox of the second"
    );
}

#[test]
fn the_dead_are_forgotten() {
    let rules = rules_for_tests();
    let mut replay = Replay::new(&rules, Timestamp::from_micros(0));
    story().into_iter().for_each(|seen| replay.see(seen));
    let hour = Duration::from_secs(3_600);
    replay.forget_before(Timestamp::from_micros(6 * 3_600_000_000), hour);
    assert_eq!(
        replay.past.len(),
        2,
        "the first was last seen two hours before"
    );
}
