//! The certificates of the TLS listeners: when do they end?

use session_core::clock::{Clock as _, SystemClock};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::finding::{Finding, Question, Topic};
use crate::config::Config;

/// Days before its end from which on a certificate is worth a word. Automatic renewal is long done by then.
const DAYS_AHEAD: i64 = 14;
const DAY: i64 = 86_400;

/// None without TLS listeners.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let tls = config.server.tls.iter();
    let files = tls.flat_map(|tls| &tls.certificates);
    let judged = files.map(|files| {
        let question = Question::new(
            Topic::Certificate,
            "certificate",
            format!("the end of {}.cert", files.table()),
        );
        match files.read() {
            Ok(certificate) => {
                let now = SystemClock.wall().as_secs();
                judge(question, certificate.facts.not_after, now)
            }
            Err(why) => question.fail(why.to_string(), format!("mend {}", files.table())),
        }
    });
    judged.collect()
}

/// `end` and `now` in unix seconds.
pub(super) fn judge(question: Question, end: i64, now: i64) -> Finding {
    let day = OffsetDateTime::from_unix_timestamp(end)
        .ok()
        .and_then(|end| end.format(&Rfc3339).ok())
        .unwrap_or_else(|| end.to_string());
    let left = end.saturating_sub(now).div_euclid(DAY);
    let remedy = "renew it, and see why it was not renewed";
    if end <= now {
        question.fail(format!("ended at {day}"), remedy)
    } else if left < DAYS_AHEAD {
        question.warn(format!("ends at {day}, {left} days from now"), remedy)
    } else {
        question.ok(format!("ends at {day}, {left} days from now"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn days_before_the_end() {
        let now = 1_800_000_000;
        for (left, verdict) in [
            (90 * DAY, Verdict::Ok),
            (14 * DAY, Verdict::Ok),
            (14 * DAY - 1, Verdict::Warn),
            (1, Verdict::Warn),
            (0, Verdict::Fail),
            (-DAY, Verdict::Fail),
        ] {
            let question = Question::new(Topic::Certificate, "certificate", "its end");
            assert_eq!(judge(question, now + left, now).verdict, verdict, "{left}");
        }
    }
}
