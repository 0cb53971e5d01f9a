//! `access_log.file` and who reads the log: are lines lost?

use super::ENOUGH;
use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Facts, Lost};
use crate::advise::words::count;

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    let lost = Lost {
        log: facts.sum(|counted| counted.lost.log),
        access: facts.sum(|counted| counted.lost.access),
        audit: facts.sum(|counted| counted.lost.audit),
    };
    let looked = Looked {
        key: "access_log.file",
        rule: Rule::LogLines,
        set: if facts.set.access_log_is_a_file {
            "a file".to_owned()
        } else {
            "stdout".to_owned()
        },
        measured: format!(
            "lines lost: {} of the log, {} of the access log's file, {} of the audit trail's",
            count(lost.log),
            count(lost.access),
            count(lost.audit)
        ),
    };
    if lost.log + lost.access + lost.audit == 0.0 {
        return if facts.sum(|counted| counted.requests) < ENOUGH {
            vec![looked.not_judged(format!("{} requests are needed", count(ENOUGH)))]
        } else {
            vec![looked.keep("whoever reads the lines keeps up")]
        };
    }
    let (to, why) = if lost.log > 0.0 && !facts.set.access_log_is_a_file {
        (
            "a file",
            "whoever reads stdout is too slow, and a file is written faster than a pipe is read. A tenth of the bytes is left with \
             fewer `access_log.fields`",
        )
    } else {
        (
            "a faster disk or reader, or fewer access_log.fields",
            "lines come faster than they are taken",
        )
    };
    vec![looked.change(to, why)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::advice::Verdict;
    use crate::advise::rules::testing::{facts, node};

    #[test]
    fn a_lost_line_is_enough() {
        let verdict = |requests, log, access, is_a_file| {
            let mut all = facts(vec![node("a")]);
            all.set.access_log_is_a_file = is_a_file;
            all.nodes[0].counted.requests = requests;
            all.nodes[0].counted.lost.log = log;
            all.nodes[0].counted.lost.access = access;
            judge(&all).remove(0).verdict
        };
        assert_eq!(verdict(999.0, 0.0, 0.0, false), Verdict::NotJudged);
        assert_eq!(verdict(1_000.0, 0.0, 0.0, false), Verdict::Keep);
        let file = Verdict::Change("a file".to_owned());
        assert_eq!(verdict(5.0, 1.0, 0.0, false), file);
        assert_ne!(verdict(5.0, 1.0, 0.0, true), file, "it is one");
        assert!(matches!(verdict(5.0, 0.0, 1.0, true), Verdict::Change(_)));
    }
}
