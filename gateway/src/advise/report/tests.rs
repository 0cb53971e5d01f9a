use std::time::Duration;

use super::*;
use crate::advise::advice::{Looked, Rule};
use crate::advise::facts::{Counted, Now};

fn looked(key: &'static str) -> Looked {
    Looked {
        key,
        rule: Rule::LocalCache,
        set: "1_000".to_owned(),
        measured: "2,000 look-ups".to_owned(),
    }
}

fn node() -> Node {
    Node {
        name: "127.0.0.1:9901".to_owned(),
        watched: Duration::from_secs(60),
        is_since_start: false,
        counted: Counted::default(),
        now: Now::default(),
    }
}

#[test]
fn changes_are_told_with_their_reason_and_the_rest_in_short() {
    let advice = [
        looked("a").change("2_000", "they push each other out"),
        looked("b").keep("there is room"),
        looked("c").not_judged("too few"),
    ];
    let unheard = Unheard {
        name: "b:1".to_owned(),
        why: "nobody listens there".to_owned(),
    };
    let report = Report {
        nodes: &[node()],
        unheard: &[unheard],
        server: Some(Err("refused".to_owned())),
        advice: &advice,
    };
    let lines = report.lines();
    for line in [
        "node 127.0.0.1:9901: watched for 60 s\n",
        "node b:1: NOT HEARD: nobody listens there\n",
        "store: NOT HEARD: refused\n",
        "\nCHANGE a: 1_000 -> 2_000\n",
        "    rule:     docs/capacity.md#rule-local-cache\n",
        "\nleave as it is:\n  b = 1_000: there is room\n",
        "\ncannot be judged yet:\n  c = 1_000: too few\n",
        "\n3 looked at: 1 to change, 1 to leave as they are, 1 that cannot be judged yet\n",
    ] {
        assert!(lines.contains(line), "{line}\nin\n{lines}");
    }
    let document = report.document();
    assert_eq!(document["advice"][0]["advised"], "2_000");
    assert_eq!(document["advice"][1]["advised"], Value::Null);
    assert_eq!(document["not_heard"][0]["from"], "b:1");
    assert_eq!(document["store"]["why"], "refused");
}

#[test]
fn nothing_to_change_is_said() {
    let advice = [looked("b").keep("there is room")];
    let report = Report {
        nodes: &[node()],
        unheard: &[],
        server: None,
        advice: &advice,
    };
    let lines = report.lines();
    assert!(
        lines.contains("1 looked at: nothing to change, 1 to leave"),
        "{lines}"
    );
    assert!(!lines.contains("cannot be judged yet:"), "{lines}");
    assert_eq!(report.document()["store"], Value::Null);
}
