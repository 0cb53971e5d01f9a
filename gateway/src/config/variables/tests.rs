use proptest::prelude::*;

use super::*;

fn env(name: &str) -> Option<String> {
    match name {
        "PORT" => Some("8080".to_owned()),
        "HOST" => Some("db.internal".to_owned()),
        "EMPTY" => Some(String::new()),
        "LOOP" => Some("${PORT}".to_owned()),
        _ => None,
    }
}

#[test]
fn variables_are_replaced_once_wherever_they_stand() {
    for (written, meant) in [
        ("", ""),
        ("plain $ {x} $x", "plain $ {x} $x"),
        ("${PORT}", "8080"),
        ("0.0.0.0:${PORT}", "0.0.0.0:8080"),
        ("${HOST}:${PORT}/${HOST}", "db.internal:8080/db.internal"),
        ("${LOOP}", "${PORT}"),
        ("$${PORT}", "${PORT}"),
        ("$$${PORT}", "$${PORT}"),
        ("$${a", "${a"),
        ("${NONE:-9000}", "9000"),
        ("${EMPTY:-9000}", "9000"),
        ("${NONE:-}x", "x"),
        ("${PORT:-9000}", "8080"),
    ] {
        let expanded = expand(written, &env).map(|expanded| expanded.text.into_owned());
        assert_eq!(expanded, Ok(meant.to_owned()), "{written}");
    }
}

#[test]
fn a_variable_that_is_not_there_is_named() {
    for (written, hint) in [
        ("a${NONE}", "environment variable NONE is not set"),
        ("${EMPTY}", "environment variable EMPTY is not set"),
        ("${", "without its"),
        ("${PORT", "without its"),
        ("${}", "not the name"),
        ("${a b}", "not the name"),
        ("${1A}", "not the name"),
        ("${:-x}", "not the name"),
    ] {
        let refused = expand(written, &env).err().expect(written);
        assert!(refused.contains(hint), "{written}: {refused}");
    }
}

#[test]
fn a_message_shows_the_file_and_never_the_value() {
    let told = |written: &'static str, message: fn(&str) -> String| {
        let expanded = expand(written, &env).expect(written);
        let message = message(&expanded.text);
        expanded.told(message)
    };
    let whole = |text: &str| format!("{text:?} is no duration");
    assert_eq!(told("x:${PORT}", whole), "\"x:${PORT}\" is no duration");
    assert_eq!(
        told("/x/${HOST}/y", |text| format!("file {text} is gone")),
        "file /x/${HOST}/y is gone"
    );
    assert_eq!(
        told("${HOST}", |_| "must be at most 1h".to_owned()),
        "must be at most 1h"
    );
    // A part of the value, also in another spelling, hides the message.
    for part in ["rnal:\" has no port", "DB.INT"] {
        let expanded = expand("${HOST}", &env).expect("a host");
        let told = expanded.told(format!("{part} is odd"));
        assert!(told.contains("${HOST}") && !told.contains(part), "{told}");
    }
    assert_eq!(told("8080", whole), "\"8080\" is no duration");
}

#[test]
fn a_message_about_several_keys_names_the_variable() {
    let used = expand("${HOST}${PORT}", &env).expect("both").used;
    assert_eq!(
        hide("\"DB.internal\" and db.internal:8080", &used),
        "\"DB.internal\" and ${HOST}:${PORT}"
    );
}

proptest! {
    /// Whatever is said about a text, no value is in it.
    #[test]
    fn no_value_is_told(value in "\\PC{4,20}", before in "[a-z:/.]{0,6}", message in "\\PC{0,30}") {
        let env = |_: &str| Some(value.clone());
        let written = format!("{before}${{VARIABLE}}");
        let expanded = expand(&written, &env).expect("it is set");
        let told = expanded.told(format!("{message}{:?}{}", expanded.text, expanded.text));
        prop_assume!(!format!("cannot be used with what ${{VARIABLE}} stands for, which is not shown{before}").contains(&value));
        prop_assert!(!told.contains(&value), "{told}");
    }
}
