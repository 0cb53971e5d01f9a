//! Tells the program which commit it is built from: `SIDGATE_COMMIT`, or what git says of a release build.
//!
//! Development builds do not ask git: a commit would have everything compiled again. There is no time in the program, so
//! that the same source gives the same bytes.

use std::env;
use std::path::Path;
use std::process::Command;

/// Digits of a commit that are shown.
const SHOWN: usize = 12;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SIDGATE_COMMIT");
    let commit = told().or_else(|| is_release().then(of_git).flatten());
    let commit = commit.unwrap_or_else(|| "unknown".to_owned());
    let shown: String = commit.chars().take(SHOWN).collect();
    println!("cargo::rustc-env=SIDGATE_COMMIT={shown}");
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
