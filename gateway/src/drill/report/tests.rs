use super::*;
use crate::drill::verdict::Figure;

fn done(exercise: Exercise, verdict: Verdict, why: Option<&str>) -> Done {
    let shown = Shown {
        figures: vec![
            Figure::count("asked", 812),
            Figure::time("first_refusal_ms", Some(Duration::from_millis(9))),
            Figure::time("last_admission_ms", None),
        ],
        verdict,
        why: why.map(str::to_owned),
    };
    Done {
        exercise,
        done: vec!["something".to_owned()],
        undone: "by itself".to_owned(),
        tables: vec![Table {
            about: "every node",
            rows: vec![("10.0.0.5:9901".to_owned(), shown)],
        }],
    }
}

fn report(done: Vec<Done>) -> Report {
    Report {
        drill: Uuid::from_u128(7),
        began: Timestamp::from_micros(1_800_000_000_000_000),
        took: Duration::from_millis(4_200),
        version: "1.2.3",
        store: "PostgreSQL",
        nodes: vec![(
            "10.0.0.5:9901".to_owned(),
            Uuid::from_u128(8),
            "10.0.0.5:3000".to_owned(),
        )],
        done,
        left_out: vec![(Exercise::Redis, "no --redis-url was given")],
    }
}

#[test]
fn the_worst_decides() {
    let held = || done(Exercise::Canary, Verdict::Held, None);
    let slow = || done(Exercise::Heartbeat, Verdict::Slow, Some("late"));
    let broken = || done(Exercise::Bulkhead, Verdict::Broken, Some("wrong"));
    assert_eq!(report(vec![held()]).verdict(), Verdict::Held);
    assert_eq!(report(vec![held(), slow()]).verdict(), Verdict::Slow);
    assert_eq!(report(vec![broken(), slow()]).verdict(), Verdict::Broken);
    assert_eq!(report(vec![]).verdict(), Verdict::NotShown);
}

#[test]
fn people_read_a_table_for_each_exercise() {
    let text = report(vec![done(Exercise::Canary, Verdict::Slow, Some("late"))]).markdown();
    let expected = "\
# Drill of 2027-01-15T08:00:00Z: slow

sidgate 1.2.3, store: PostgreSQL, nodes: 1, took 4 s, drill 00000000-0000-0000-0000-000000000007

| node | id | asked at |
|---|---|---|
| 10.0.0.5:9901 | 00000000-0000-0000-0000-000000000008 | 10.0.0.5:3000 |

## canary: slow

- done: something
- promised: no node admits an ended session later than 2 s after the commit, whatever fails, and a node that has refused it never admits it again (docs/revocation.md)
- undone: by itself

every node:

| node | asked | first refusal | last admission | verdict |
|---|---:|---:|---:|---|
| 10.0.0.5:9901 | 812 | 9 ms | - | slow: late |

## redis: not done

- no --redis-url was given
";
    assert_eq!(text, expected);
}

#[test]
fn programs_read_the_same() {
    let document = report(vec![done(Exercise::Canary, Verdict::Broken, Some("late"))]).document();
    assert_eq!(document["verdict"], "broken");
    assert_eq!(document["left_out"][0]["exercise"], "redis");
    let node = &document["exercises"][0]["nodes"][0];
    assert_eq!(node["verdict"], "broken");
    assert_eq!(node["why"], "late");
    assert_eq!(node["measured"]["first_refusal_ms"], 9);
    assert_eq!(node["measured"]["last_admission_ms"], Value::Null);
}
