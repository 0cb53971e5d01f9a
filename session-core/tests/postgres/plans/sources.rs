//! The statements that stand in the sources of the store.

use std::fs;
use std::path::Path;

use super::judged::plain;

const VERBS: [&str; 5] = ["SELECT ", "WITH ", "INSERT ", "UPDATE ", "DELETE "];
/// They ask the catalogs of the server, and change the schema.
const OF_THE_SCHEMA: [&str; 5] = ["schema.rs", "plan.rs", "rights.rs", "needed.rs", "give.rs"];

/// Statements of the sources that are not among those that were run.
pub(super) fn forgotten<'a>(run: impl Iterator<Item = &'a str>) -> Vec<String> {
    let run: Vec<String> = run.map(plain).collect();
    let written = written(Path::new("src/store/postgres"));
    assert!(written.len() > 50, "the sources have statements");
    let was_run = |parts: &[String]| run.iter().any(|sql| holds_in_order(sql, parts));
    let forgotten = written.into_iter().filter(|parts| !was_run(parts));
    forgotten.map(|parts| parts.join(" .. ")).collect()
}

fn holds_in_order(sql: &str, parts: &[String]) -> bool {
    let mut rest = sql;
    parts.iter().all(|part| match rest.split_once(&**part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// Each statement as the texts that it is put together from.
fn written(folder: &Path) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            found.extend(written(&path));
        } else if name.ends_with(".rs") && name != "tests.rs" && !OF_THE_SCHEMA.contains(&name) {
            found.extend(statements(&fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The texts between two semicolons or braces, if they are a statement: the first begins with a verb, or macros make one of them.
fn statements(source: &str) -> Vec<Vec<String>> {
    let (mut found, mut texts, mut code) = (Vec::new(), Vec::new(), String::new());
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            '\'' => skip_character(&mut rest),
            '"' => texts.push(plain_part(&text(&mut rest))),
            ';' | '{' | '}' => {
                let made = code.contains("&str =")
                    && code.contains("!(")
                    && !code.contains("include_str!");
                let first = texts.first().map_or("", String::as_str);
                let begins = VERBS.iter().any(|verb| first.starts_with(verb));
                if begins || made && !texts.is_empty() {
                    found.push(std::mem::take(&mut texts));
                }
                texts.clear();
                code.clear();
            }
            other => code.push(other),
        }
    }
    found
}

/// The rest of a character such as the quote itself. What follows the mark of a lifetime stays.
fn skip_character(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut ahead = rest.clone();
    let skipped = match (ahead.next(), ahead.next()) {
        (Some('\\'), _) => 3,
        (Some(_), Some('\'')) => 2,
        _ => 0,
    };
    for _ in 0..skipped {
        rest.next();
    }
}

/// To the closing quote, as the compiler reads it.
fn text(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next().filter(|c| *c != '"') {
        match (c, rest.peek().copied()) {
            ('\\', Some('\n')) => while rest.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some(_)) => text.extend(rest.next()),
            _ => text.push(c),
        }
    }
    text
}

/// As [`plain`], with the spaces at both ends left out: what stands beside it may be a line's end.
fn plain_part(text: &str) -> String {
    let part = plain(text);
    // A verb is told by the space after it.
    if VERBS.iter().any(|verb| verb.trim_end() == part) {
        format!("{part} ")
    } else {
        part
    }
}
