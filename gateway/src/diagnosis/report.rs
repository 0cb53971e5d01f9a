//! A report as lines for people, or as one JSON document for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{Finding, Verdict};
use crate::run::wiring::WiringError;

/// Widest column of subjects; longer ones push their line to the right.
const SUBJECT_WIDTH: usize = 36;

/// How much is said about what is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// One line for each thing.
    Line,
    /// Also what was asked, why it matters and what to do.
    Advice,
}

/// One line for each finding, and those under it that `detail` asks for.
pub(crate) fn lines(findings: &[Finding], detail: Detail) -> String {
    let longest = findings.iter().map(|finding| finding.subject.len()).max();
    let width = longest.unwrap_or_default().min(SUBJECT_WIDTH);
    let mut text = String::new();
    for finding in findings {
        let Finding {
            subject, answer, ..
        } = finding;
        let verdict = word(finding.verdict);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{subject:width$}  {verdict:4}  {answer}");
        if let (Detail::Advice, Some(remedy)) = (detail, &finding.remedy) {
            let _ = writeln!(text, "    asked: {}", finding.asked);
            let _ = writeln!(text, "    why:   {}", finding.topic.why());
            let _ = writeln!(text, "    do:    {remedy}");
        }
    }
    text
}

/// The same as one document. `advice` is what the configuration alone gives reason for.
pub(crate) fn document(advice: &[String], findings: &[Finding]) -> Value {
    let ok = failed(findings) == 0;
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "topic": finding.topic,
                "subject": finding.subject,
                "asked": finding.asked,
                "verdict": finding.verdict,
                "answer": finding.answer,
                "why": finding.remedy.as_ref().map(|_| finding.topic.why()),
                "do": finding.remedy,
            })
        })
        .collect();
    json!({"ok": ok, "faults": [], "advice": advice, "findings": findings})
}

/// The document about a configuration that is wrong: every fault with its key and line, or the one reason why there is none.
pub(crate) fn document_of_faults(wrong: &WiringError) -> Value {
    let faults: Vec<_> = match wrong {
        WiringError::Config(faults) => faults
            .iter()
            .map(|fault| json!({"key": fault.key, "line": fault.line, "message": fault.message}))
            .collect(),
        other => vec![json!({"key": "", "line": null, "message": other.to_string()})],
    };
    json!({"ok": false, "faults": faults, "advice": [], "findings": []})
}

/// The last line: `11 asked, 9 well, 1 to look at, 1 failed`.
pub(crate) fn summary(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    let mut text = format!("{} asked, {} well", findings.len(), count(Verdict::Ok));
    for (verdict, words) in [
        (Verdict::Skipped, "not judged"),
        (Verdict::Warn, "to look at"),
        (Verdict::Fail, "failed"),
    ] {
        let times = count(verdict);
        if times > 0 {
            let _ = write!(text, ", {times} {words}");
        }
    }
    text
}

/// How many failed.
pub(crate) fn failed(findings: &[Finding]) -> usize {
    let failed = findings.iter().filter(|it| it.verdict == Verdict::Fail);
    failed.count()
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Skipped => "skip",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    }
}

#[cfg(test)]
mod tests;
