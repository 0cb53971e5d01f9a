use session_core::service::{Absence, Unknown};

use super::*;

fn outcome(policy: SessionPolicy, on_unknown: OnUnknown, finding: Finding) -> &'static str {
    let wanted = Wanted {
        session: policy,
        on_unknown,
        requirements: &Requirements::default(),
    };
    match decide(wanted, finding, || Timestamp::from_micros(0)) {
        Decision::Forward(state) => state.as_str(),
        Decision::Missing(_) => "missing",
        Decision::Unavailable(_) => "503",
        Decision::Unmet(_) => "unmet",
    }
}

#[test]
fn the_table_of_answers() {
    use OnUnknown::{Pass, Unavailable};
    use SessionPolicy::{None, Optional, Required};
    let absent = || Finding::Resolved(Resolution::Absent(Absence::NoSuch));
    let unknown = || Finding::Resolved(Resolution::Unknown(Unknown::NoLease));
    let cases = [
        (None, Unavailable, Finding::NotAsked, "none"),
        (Optional, Unavailable, Finding::NoCookie, "anonymous"),
        (Optional, Unavailable, absent(), "anonymous"),
        (Optional, Unavailable, unknown(), "503"),
        (Optional, Pass, unknown(), "unknown"),
        (Required, Unavailable, Finding::NoCookie, "missing"),
        (Required, Unavailable, absent(), "missing"),
        (Required, Unavailable, unknown(), "503"),
        // The configuration refuses this pair; the policy does not rely on that.
        (Required, Pass, unknown(), "503"),
    ];
    for (policy, on_unknown, finding, expected) in cases {
        let case = format!("{policy:?} {on_unknown:?} {finding:?}");
        assert_eq!(outcome(policy, on_unknown, finding), expected, "{case}");
    }
}
