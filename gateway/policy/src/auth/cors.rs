//! Which pages of other origins may read what a route answers?
//!
//! A route with `cors_origins` leaves this to the gateway: it answers preflights itself, before any session is looked
//! at (browsers send none with them), and it alone writes `Access-Control-*` on what comes back, so that an app cannot
//! allow an origin that the list leaves out. On other routes the app decides, and a preflight is a request like any
//! other.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};

use crate::edge::fields::only;

/// What the gateway says about the origin of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cors {
    /// Nothing: the route has no list.
    #[default]
    Unmanaged,
    /// Add no CORS headers, and drop the app's: no origin, or not an allowed one.
    Closed,
    /// This origin may read the answer, with the user's cookies.
    Open(HeaderValue),
}

/// A question that a browser asks before the real request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// Names that the real request would carry, as asked for, if they are names.
    pub headers: Option<HeaderValue>,
}

impl Cors {
    /// Judges a request against the origins of its route, which are written as browsers write them.
    #[must_use]
    pub fn of(origins: &[String], headers: &HeaderMap) -> Self {
        if origins.is_empty() {
            return Self::Unmanaged;
        }
        only(headers, &ORIGIN)
            .filter(|&origin| origins.iter().any(|listed| origin == listed.as_str()))
            .map_or(Self::Closed, |origin| Self::Open(origin.clone()))
    }

    /// The fields that say so.
    #[must_use]
    pub fn fields(&self) -> Vec<(HeaderName, HeaderValue)> {
        let varies = (VARY, HeaderValue::from_static("Origin"));
        match self {
            Self::Unmanaged => vec![],
            Self::Closed => vec![varies],
            Self::Open(origin) => vec![
                varies,
                (ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
                (
                    ACCESS_CONTROL_ALLOW_CREDENTIALS,
                    HeaderValue::from_static("true"),
                ),
            ],
        }
    }

    /// Whether the origin is on the list.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }
}

impl Preflight {
    /// The preflight that a request is, if it is one.
    #[must_use]
    pub fn of(method: &str, headers: &HeaderMap) -> Option<Self> {
        let is_one = method == "OPTIONS"
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let names = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        is_one.then(|| Self {
            headers: names.filter(|names| are_names(names)).cloned(),
        })
    }
}

fn are_names(value: &HeaderValue) -> bool {
    let in_a_list = |byte: &u8| byte.is_ascii_alphanumeric() || b"-, ".contains(byte);
    value.len() <= 1024 && value.as_bytes().iter().all(in_a_list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let fields = fields
            .iter()
            .map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        fields.collect()
    }

    #[test]
    fn only_the_exact_origin_is_open() {
        let list = ["https://a.test".to_owned()];
        let of = |origin: &str| Cors::of(&list, &headers(&[("origin", origin)]));
        assert!(of("https://a.test").is_open());
        for other in [
            "null",
            "*",
            "http://a.test",
            "https://a.test:444",
            "https://a.test.evil.test",
            "https://A.test",
        ] {
            assert_eq!(of(other), Cors::Closed, "{other}");
        }
        assert_eq!(Cors::of(&list, &HeaderMap::new()), Cors::Closed);
        let mut twice = headers(&[("origin", "https://a.test")]);
        twice.append(ORIGIN, HeaderValue::from_static("https://evil.test"));
        assert_eq!(Cors::of(&list, &twice), Cors::Closed);
        assert_eq!(Cors::of(&[], &twice), Cors::Unmanaged);
    }

    #[test]
    fn a_preflight_names_its_headers_or_none() {
        let ask = |names: &str| {
            let fields = [
                ("origin", "https://a.test"),
                ("access-control-request-method", "PUT"),
                ("access-control-request-headers", names),
            ];
            Preflight::of("OPTIONS", &headers(&fields))
        };
        assert!(ask("content-type, x-a").unwrap().headers.is_some());
        assert!(ask("x-a; y").unwrap().headers.is_none());
        assert_eq!(
            Preflight::of("OPTIONS", &headers(&[("origin", "https://a.test")])),
            None
        );
        assert_eq!(Preflight::of("GET", &HeaderMap::new()), None);
    }
}
