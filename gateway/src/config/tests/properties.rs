//! Whatever stands in the file: it loads, or it is said what is wrong with it, and no secret with it.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use sidgate_testkit::corpus;

use super::{KEY_A, Place};

/// Texts that stand where a secret does, in the kept files or in what they refer to.
const SECRETS: [&str; 5] = [
    "hunter2",
    "tr0ub4dor",
    "correct-horse",
    "s3cr3t-token",
    KEY_A,
];

/// What may stand in such a file at the wrong place.
const PIECES: [&str; 45] = [
    "\n",
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "]]",
    "=",
    " = ",
    "{",
    "}",
    "\\",
    "#",
    "\"\"\"",
    "-1",
    "0",
    "99999999999999999999",
    "1e400",
    "nan",
    "true",
    "\"0s\"",
    "\"${MASTER}\"",
    "\"${DSN}\"",
    "\"${TOKEN}\"",
    "${",
    "}",
    "\"file:master.key\"",
    "\"file:/\"",
    "[server]\n",
    "[keys]\n",
    "[store]\n",
    "[cache]\n",
    "[[routes]]\n",
    "master = ",
    "url = ",
    "redis_url = ",
    "token = ",
    "\u{0}",
    "\u{202e}",
    "é",
    "1979-05-27T07:32:00Z",
    ".",
    ",",
    "@",
    "/",
];

/// Whether a key that is no secret and no URL has a variable in its value.
fn has_a_variable_elsewhere(text: &str) -> bool {
    let is_secret = |line: &str| {
        ["master", "previous", "token", "url", "secret"]
            .iter()
            .any(|key| line.trim_start().starts_with(key) || line.contains("_url"))
    };
    text.lines()
        .any(|line| line.contains("${") && !is_secret(line))
}

#[test]
fn any_file_loads_or_has_faults_that_tell_no_secret() {
    let place = Place::new()
        .env("MASTER", KEY_A)
        .env("DSN", "postgres://u:correct-horse@db.test/s")
        .env("TOKEN", "s3cr3t-token-0123456789abcdef0123456789")
        .file("master.key", &format!("{KEY_A}\n"));
    let check = |bytes: &[u8]| -> TestCaseResult {
        let Ok(text) = str::from_utf8(bytes) else {
            return Ok(());
        };
        let shown = match place.load(text) {
            // The variable of a secret in a key that is none: then the value of that key is the secret.
            Ok(_) if has_a_variable_elsewhere(text) => return Ok(()),
            Ok(config) => vec![format!("{config:?}")],
            Err(faults) => {
                // Names of keys are shown, whatever they are; what must not be is what stands behind them.
                let messages: Vec<String> =
                    faults.iter().map(|fault| fault.message.clone()).collect();
                prop_assert!(!messages.is_empty(), "refused for nothing");
                for message in &messages {
                    prop_assert!(!message.trim().is_empty() && !message.contains('\n'));
                }
                messages
            }
        };
        for secret in SECRETS {
            let told = shown.iter().find(|text| text.contains(secret));
            prop_assert!(told.is_none(), "{secret} is in {told:?}");
        }
        Ok(())
    };
    corpus::holds("config", 400, &PIECES, check);
}
