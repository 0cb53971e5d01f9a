//! Tells the program which commit it is built from, and the date of that commit: by `SIDGATE_COMMIT` and `SOURCE_DATE_EPOCH`,
//! or else what git says of a release build.
//!
//! Development builds do not ask git: a commit would have everything compiled again. The date is never that of the clock, so
//! that the same source gives the same bytes.

use std::env;
use std::path::Path;
use std::process::Command;

/// Digits of a commit that are shown.
const SHOWN: usize = 12;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SIDGATE_COMMIT");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let commit = told().or_else(|| is_release().then(of_git).flatten());
    let epoch = told_epoch().or_else(|| epoch_of(commit.as_deref()?));
    let commit = commit.unwrap_or_else(|| "unknown".to_owned());
    let shown: String = commit.chars().take(SHOWN).collect();
    println!("cargo::rustc-env=SIDGATE_COMMIT={shown}");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let date = epoch.map_or_else(String::new, |epoch| format!(", {}", date(epoch)));
    println!("cargo::rustc-env=SIDGATE_SHOWN={version} ({shown}{date})");
}

/// The time of the source, in seconds since 1970 (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn told_epoch() -> Option<u32> {
    let told = env::var("SOURCE_DATE_EPOCH").ok()?;
    let epoch = told.parse().ok();
    if epoch.is_none() && !told.is_empty() {
        println!("cargo::warning=SOURCE_DATE_EPOCH is not a number of seconds");
    }
    epoch
}

/// When the commit was made, where git knows it.
fn epoch_of(commit: &str) -> Option<u32> {
    git(&["show", "--no-patch", "--format=%ct", commit])?
        .parse()
        .ok()
}

/// The day in UTC, as `YYYY-MM-DD`.
fn date(epoch: u32) -> String {
    let mut day = epoch / (24 * 60 * 60);
    let mut year = 1970;
    let days = |year: u32| 365 + u32::from(is_leap(year));
    while day >= days(year) {
        day -= days(year);
        year += 1;
    }
    let february = 28 + u32::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn told() -> Option<String> {
    let told = env::var("SIDGATE_COMMIT").ok()?;
    let is_commit = (7..=64).contains(&told.len()) && told.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_commit && !told.is_empty() {
        println!("cargo::warning=SIDGATE_COMMIT is not a commit (7 to 64 hexadecimal digits)");
    }
    is_commit.then_some(told)
}

fn is_release() -> bool {
    env::var("PROFILE").is_ok_and(|profile| profile == "release")
}

/// The commit that is checked out, where this file is part of a repository. Cargo runs this again when it changes.
fn of_git() -> Option<String> {
    // Not that of a repository that this source was merely unpacked in.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        // A file that is missing would count as changed each time.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
