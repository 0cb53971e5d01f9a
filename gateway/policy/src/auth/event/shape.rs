//! What events look like: the member that is wrong is named before anything is read.
//!
//! Serde would refuse the same events. Its message quotes what it did not expect, which may be personal.

use serde_json::{Map, Value};
use session_core::session::{MemberRefused, MemberRule, WhyRefused, check_members};

use super::EventKind;

/// Most events in one answer.
const EVENTS_MAX: usize = 8;

/// The member of a token that holds the events.
const ROOT: &str = "ev";

const TYPE: MemberRule = (
    "type",
    "\"login\", \"logout\", \"update\", \"rotate\" or \"ref\"",
    Value::is_string,
);
/// What is in it, the identity says itself.
const IDENTITY: MemberRule = ("identity", "an object", Value::is_object);

const LOGIN: [MemberRule; 4] = [
    TYPE,
    IDENTITY,
    ("ttl", "a number of seconds, at least 1", is_ttl),
    ("remember", "true or false", is_flag),
];
const LOGOUT: [MemberRule; 2] = [TYPE, ("scope", "\"this\", \"others\" or \"all\"", is_scope)];
const UPDATE: [MemberRule; 2] = [TYPE, IDENTITY];
const ROTATE: [MemberRule; 1] = [TYPE];
const REFERENCE: [MemberRule; 2] = [TYPE, ("ref", "a string or null", is_text)];

fn is_ttl(value: &Value) -> bool {
    value.is_null() || value.as_u64().is_some_and(|seconds| seconds > 0)
}

fn is_flag(value: &Value) -> bool {
    value.is_null() || value.is_boolean()
}

fn is_scope(value: &Value) -> bool {
    matches!(value.as_str(), Some("this" | "others" | "all"))
}

fn is_text(value: &Value) -> bool {
    value.is_null() || value.is_string()
}

/// The name of event number `index` in a refusal.
pub(super) fn nth(index: usize) -> String {
    format!("{ROOT}[{index}]")
}

/// What passes [`check`] and is still none.
pub(super) fn undocumented() -> MemberRefused {
    MemberRefused::new(ROOT, WhyRefused::MustBe("as documented"))
}

pub(super) fn check(events: &Value) -> Result<(), MemberRefused> {
    let number = WhyRefused::MustBe("a list of 1 to 8 events");
    let events = events
        .as_array()
        .filter(|events| (1..=EVENTS_MAX).contains(&events.len()))
        .ok_or_else(|| MemberRefused::new(ROOT, number))?;
    for (index, event) in events.iter().enumerate() {
        let members = event
            .as_object()
            .ok_or_else(|| MemberRefused::new(&nth(index), WhyRefused::MustBe("an object")))?;
        check_one(members).map_err(|refused| refused.within(nth(index)))?;
    }
    Ok(())
}

fn check_one(event: &Map<String, Value>) -> Result<(), MemberRefused> {
    let (name, form, _) = TYPE;
    let kind = event
        .get(name)
        .ok_or_else(|| MemberRefused::new(name, WhyRefused::Missing))?;
    let kind = kind.as_str().and_then(|kind| kind.parse().ok());
    let kind = kind.ok_or_else(|| MemberRefused::new(name, WhyRefused::MustBe(form)))?;
    let (rules, required): (&[MemberRule], _) = match kind {
        EventKind::Login => (&LOGIN, Some("identity")),
        EventKind::Logout => (&LOGOUT, Some("scope")),
        EventKind::Update => (&UPDATE, Some("identity")),
        EventKind::Rotate => (&ROTATE, None),
        EventKind::Ref => (&REFERENCE, None),
    };
    check_members(event, rules)?;
    match required.filter(|name| !event.contains_key(*name)) {
        Some(missing) => Err(MemberRefused::new(missing, WhyRefused::Missing)),
        None => Ok(()),
    }
}
