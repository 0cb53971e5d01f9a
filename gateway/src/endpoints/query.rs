//! Parameters of our own endpoints: known words, each said at most once.

use session_core::service::{PAGE_MAX, Wait};
use session_core::store::DevicePlace;

use crate::answer::Rejection;

/// Which sessions `DELETE /sessions` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeviceScope {
    /// All but the one that asks.
    Others,
    /// All of them.
    All,
}

/// `wait`: whether the answer waits for every node.
///
/// # Errors
/// `400` for anything but the two words.
pub(super) fn wait(query: &str) -> Result<Wait, Rejection> {
    match value(query, "wait") {
        Ok(None | Some("all")) => Ok(Wait::All),
        Ok(Some("none")) => Ok(Wait::None),
        _ => Err(Rejection::invalid("wait must be none or all")),
    }
}

/// `scope`: required, so that nobody ends everything by leaving something out.
///
/// # Errors
/// `400` for anything but the two words.
pub(super) fn scope(query: &str) -> Result<DeviceScope, Rejection> {
    match value(query, "scope") {
        Ok(Some("others")) => Ok(DeviceScope::Others),
        Ok(Some("all")) => Ok(DeviceScope::All),
        _ => Err(Rejection::invalid("scope must be others or all")),
    }
}

/// `limit`: how many sessions a page has.
///
/// # Errors
/// `400` for anything but a number that a page may have.
pub(super) fn limit(query: &str) -> Result<usize, Rejection> {
    match value(query, "limit").map(|said| said.map(size)) {
        Ok(None) => Ok(PAGE_MAX),
        Ok(Some(Some(limit))) => Ok(limit),
        _ => Err(Rejection::invalid("limit must be a number from 1 to 100")),
    }
}

/// The size of a page, in digits alone.
fn size(said: &str) -> Option<usize> {
    let is_plain = said.bytes().all(|byte| byte.is_ascii_digit());
    let size = said.parse().ok().filter(|_| is_plain)?;
    (1..=PAGE_MAX).contains(&size).then_some(size)
}

/// `after`: the `next` of the page before.
///
/// # Errors
/// `400` for anything else.
pub(super) fn after(query: &str) -> Result<Option<DevicePlace>, Rejection> {
    match value(query, "after").map(|said| said.map(str::parse)) {
        Ok(None) => Ok(None),
        Ok(Some(Ok(place))) => Ok(Some(place)),
        _ => Err(Rejection::invalid("after must be the next of another page")),
    }
}

/// The parameter appears more than once.
#[derive(Debug)]
struct Repeated;

/// The value of a parameter. All values that we know are plain words: what is percent-encoded is not one of them.
fn value<'a>(query: &'a str, name: &str) -> Result<Option<&'a str>, Repeated> {
    let mut values = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(said, _)| *said == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Repeated),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answer::Answer;

    #[test]
    fn known_words_only() {
        assert_eq!(wait("").unwrap(), Wait::All);
        assert_eq!(wait("a=b&wait=none").unwrap(), Wait::None);
        assert_eq!(wait("wait=all").unwrap(), Wait::All);
        assert_eq!(scope("scope=others&wait=all").unwrap(), DeviceScope::Others);
        assert_eq!(scope("scope=all").unwrap(), DeviceScope::All);
        for bad in ["wait", "wait=", "wait=ALL", "wait=1", "wait=all&wait=none"] {
            assert_eq!(Answer::from(wait(bad).unwrap_err()).status, 400, "{bad}");
        }
        for bad in [
            "",
            "scope",
            "scope=",
            "scope=mine",
            "Scope=all",
            "scope=%61ll",
        ] {
            assert_eq!(Answer::from(scope(bad).unwrap_err()).status, 400, "{bad}");
        }
        assert!(scope("scope=all&scope=all").is_err());
    }

    #[test]
    fn pages_are_bounded_and_go_on_where_another_ended() {
        assert_eq!(limit("").unwrap(), PAGE_MAX);
        assert_eq!(limit("limit=1&after=").unwrap(), 1);
        assert_eq!(limit("limit=100").unwrap(), 100);
        for bad in [
            "limit=0",
            "limit=101",
            "limit=+1",
            "limit=-1",
            "limit=",
            "limit=x",
            "limit=1&limit=1",
        ] {
            assert_eq!(Answer::from(limit(bad).unwrap_err()).status, 400, "{bad}");
        }
        assert_eq!(after("").unwrap(), None);
        let place = "1700000000000001.00000000000000000000000000000007";
        let found = after(&format!("after={place}")).unwrap().unwrap();
        assert_eq!(found.to_string(), place);
        for bad in ["after", "after=", "after=1", "after=1.1", "after=x&after=x"] {
            assert_eq!(Answer::from(after(bad).unwrap_err()).status, 400, "{bad}");
        }
    }

    /// A word counts if it is said once, by its own name, and is one of the known ones.
    #[test]
    fn no_query_says_a_word_in_another_way() {
        let pieces = [
            "&",
            "=",
            "wait",
            "scope",
            "all",
            "others",
            "none",
            "wait=all",
            "scope=all",
            "%61",
            "+",
            ";",
            "#",
            "?",
            "\0",
            " ",
            "Wait",
            "[]",
            "&&",
        ];
        sidgate_testkit::corpus::holds("query", 2048, &pieces, |bytes| {
            let query = String::from_utf8_lossy(bytes);
            let said = |name: &str| -> Vec<String> {
                let pairs = query
                    .split('&')
                    .filter(|pair| pair.split('=').next() == Some(name));
                pairs.map(str::to_owned).collect()
            };
            let expected = match said("wait").as_slice() {
                [] => Some(Wait::All),
                [one] if one == "wait=all" => Some(Wait::All),
                [one] if one == "wait=none" => Some(Wait::None),
                _ => None,
            };
            prop_assert_eq!(wait(&query).ok(), expected);
            let expected = match said("scope").as_slice() {
                [one] if one == "scope=others" => Some(DeviceScope::Others),
                [one] if one == "scope=all" => Some(DeviceScope::All),
                _ => None,
            };
            prop_assert_eq!(scope(&query).ok(), expected);
            Ok(())
        });
    }
}
