//! Does a clock agree with ours?

use super::finding::{Finding, Question};

/// What a dated answer cannot tell: it is dated in whole seconds, and was on its way.
const UNSURE_MS: i64 = 1_000;
/// From here on it is worth a word, in milliseconds.
const WORTH_A_WORD_MS: i64 = 2_000;

/// `ahead_ms`: by how much it is ahead of ours, `exact` to the milliseconds. From `limit_ms` on something fails.
pub(super) fn judge(question: Question, ahead_ms: i64, exact: bool, limit_ms: i64) -> Finding {
    let unsure = if exact { 0 } else { UNSURE_MS };
    let sure = ahead_ms.saturating_abs().saturating_sub(unsure);
    let words = words(ahead_ms);
    let remedy = "let both machines follow the same time servers (chrony, systemd-timesyncd)";
    if sure >= limit_ms {
        question.fail(words, remedy)
    } else if sure >= WORTH_A_WORD_MS {
        question.warn(words, remedy)
    } else {
        question.ok(words)
    }
}

/// `40.0 s ahead of ours`.
fn words(ahead_ms: i64) -> String {
    let tenths = ahead_ms.saturating_abs().saturating_add(50).div_euclid(100);
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let direction = match ahead_ms {
        0.. => "ahead of",
        _ => "behind",
    };
    format!("{whole}.{tenth} s {direction} ours")
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Topic, Verdict};
    use super::*;

    #[test]
    fn a_clock_that_is_off() {
        for (ahead, exact, verdict, said) in [
            (0, true, Verdict::Ok, "0.0 s ahead of ours"),
            (-1_240, true, Verdict::Ok, "1.2 s behind ours"),
            (2_000, true, Verdict::Warn, "2.0 s ahead of ours"),
            (2_000, false, Verdict::Ok, "2.0 s ahead of ours"),
            (5_000, true, Verdict::Fail, "5.0 s ahead of ours"),
            (-40_010, false, Verdict::Fail, "40.0 s behind ours"),
            (i64::MIN, true, Verdict::Fail, "behind ours"),
        ] {
            let question = Question::new(Topic::Clock, "clock", "its time");
            let finding = judge(question, ahead, exact, 5_000);
            assert_eq!(finding.verdict, verdict, "{ahead}");
            assert!(finding.answer.ends_with(said), "{finding:?}");
        }
    }
}
