//! How often does a field stand in a message, and which type does its body have?
//!
//! When a field that may appear once is repeated, one reader takes the first value and another the last. Decisions read
//! such a field here, where "several" is a separate answer.

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// It is not there.
    Absent,
    /// It is there exactly once.
    One(&'a HeaderValue),
    /// It is there more than once; its values are not to be relied on.
    Several,
}

impl<'a> Field<'a> {
    /// Looks for `name` in `headers`.
    #[must_use]
    pub fn find(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let mut values = headers.get_all(name).into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Several,
        }
    }

    /// The value of a field that may be absent, but not be there more than once.
    ///
    /// # Errors
    /// `several` when it is.
    pub fn at_most_once<E>(self, several: E) -> Result<Option<&'a HeaderValue>, E> {
        match self {
            Self::Absent => Ok(None),
            Self::One(value) => Ok(Some(value)),
            Self::Several => Err(several),
        }
    }
}

/// The value of a field that is there exactly once.
#[must_use]
pub fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    match Field::find(headers, name) {
        Field::One(value) => Some(value),
        Field::Absent | Field::Several => None,
    }
}

/// Whether this `Content-Type` is JSON, with whatever parameters.
#[must_use]
pub fn is_json(content_type: &HeaderValue) -> bool {
    let mut parts = content_type.as_bytes().split(|&byte| byte == b';');
    let media_type = parts.next().unwrap_or_default().trim_ascii();
    media_type.eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-a");

    #[test]
    fn a_repeated_field_is_no_value_even_if_it_says_the_same_twice() {
        let mut headers = HeaderMap::new();
        assert_eq!(Field::find(&headers, &NAME), Field::Absent);
        assert_eq!(Field::Absent.at_most_once("several"), Ok(None));

        let value = HeaderValue::from_static("1");
        headers.append(NAME, value.clone());
        assert_eq!(Field::find(&headers, &NAME), Field::One(&value));
        assert_eq!(only(&headers, &NAME), Some(&value));
        let found = Field::find(&headers, &NAME).at_most_once("several");
        assert_eq!(found, Ok(Some(&value)));

        headers.append(NAME, value.clone());
        assert_eq!(Field::find(&headers, &NAME), Field::Several);
        assert_eq!(only(&headers, &NAME), None);
        let found = Field::find(&headers, &NAME).at_most_once("several");
        assert_eq!(found, Err("several"));
    }

    #[test]
    fn json_is_known_with_parameters_and_in_any_case() {
        for json in [
            &b"application/json"[..],
            b"Application/JSON ; charset=utf-8",
            b" application/json;a=\xff",
        ] {
            assert!(is_json(&HeaderValue::from_bytes(json).unwrap()), "{json:?}");
        }
        for other in ["", ";application/json", "application/jsonp", "text/json"] {
            assert!(!is_json(&HeaderValue::from_static(other)), "{other}");
        }
    }
}
