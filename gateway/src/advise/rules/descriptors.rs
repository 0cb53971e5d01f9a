//! `LimitNOFILE`: half of what the process may open is for clients, and a connection to an app may stand behind each.

use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Facts, Node};
use crate::advise::words::{count, number, percent, round_up};

/// The part that may be open. At half of it in clients, the next client is turned away.
const MAY_BE_OPEN: f64 = 0.5;

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    let share = |node: &Node| match (node.now.open_files, node.now.most_files) {
        (Some(open), Some(most)) if most > 0.0 => open / most,
        _ => 0.0,
    };
    let Some((node, name)) = facts.worst(share) else {
        return Vec::new();
    };
    let (Some(open), Some(most)) = (node.now.open_files, node.now.most_files) else {
        // There is no limit, or nobody can tell.
        return Vec::new();
    };
    let looked = Looked {
        key: "LimitNOFILE",
        rule: Rule::Descriptors,
        set: number(most),
        measured: format!("{} are open, {}{name}", count(open), percent(open, most)),
    };
    if share(node) < MAY_BE_OPEN {
        return vec![looked.keep("less than half of them are open")];
    }
    vec![looked.change(
        number(round_up(most * 2.0)),
        "clients get half of the descriptors, and beyond that they are turned away. It is a setting of the service, not of the \
         configuration",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::advice::Verdict;
    use crate::advise::rules::testing::{facts, node};

    fn judged(open: Option<f64>, most: Option<f64>) -> Vec<Advice> {
        let mut node = node("a");
        node.now.open_files = open;
        node.now.most_files = most;
        judge(&facts(vec![node]))
    }

    #[test]
    fn at_half_of_them_the_limit_is_raised() {
        let verdict = |open| judged(Some(open), Some(1_024.0)).remove(0).verdict;
        assert_eq!(verdict(511.0), Verdict::Keep);
        assert_eq!(verdict(512.0), Verdict::Change("2_100".to_owned()));
        assert_eq!(judged(Some(5.0), None), [], "there is no limit");
        assert_eq!(judged(None, Some(1_024.0)), []);
    }
}
