//! Which answers are compressed?
//!
//! Those whose type and size make it worth it, and that hold no secret beside something that another site can choose: from
//! the size of such an answer the secret can be guessed, letter by letter (BREACH).

use http::StatusCode;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    HeaderMap, HeaderName, HeaderValue, RANGE, SET_COOKIE, VARY,
};
use pingora_http::ResponseHeader;
use sidgate_policy::auth::decide::State;

use super::super::response::is_shared;
use crate::config::{Compress, CompressionConfig};
use crate::passage::Forward;

/// Digests of the bytes as the app has sent them.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Whether compression makes sense for an answer like this.
pub(super) fn is_worth_it(response: &ResponseHeader, config: &CompressionConfig) -> bool {
    let headers = &response.headers;
    has_whole_body(response.status)
        && is_of_a_type(headers, &config.types)
        && is_large(headers, config.min_bytes)
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && !has(headers, &CACHE_CONTROL, &["no-transform"])
        && !DIGESTS.iter().any(|digest| headers.contains_key(digest))
}

/// Whether its route wants it, for a request with these headers.
pub(super) fn is_wanted(response: &ResponseHeader, forward: &Forward, request: &HeaderMap) -> bool {
    if request.contains_key(RANGE) {
        return false;
    }
    match forward.route.compress {
        Compress::Off => false,
        Compress::Always => true,
        Compress::Auto => {
            let is_known = matches!(forward.state, State::Active(_) | State::Unknown)
                || request.contains_key(AUTHORIZATION);
            !may_hold_secrets(response, is_known)
        }
    }
}

/// Whether the body may hold something that is for this client alone. `is_known`: it has said who it is.
fn may_hold_secrets(response: &ResponseHeader, is_known: bool) -> bool {
    let headers = &response.headers;
    if headers.contains_key(SET_COOKIE) {
        return true;
    }
    if is_shared(response) {
        return false;
    }
    is_known
        || has(headers, &CACHE_CONTROL, &["private", "no-store"])
        || has(headers, &VARY, &["cookie", "authorization", "*"])
}

fn has_whole_body(status: StatusCode) -> bool {
    !status.is_informational()
        && !matches!(
            status,
            StatusCode::NO_CONTENT
                | StatusCode::RESET_CONTENT
                | StatusCode::PARTIAL_CONTENT
                | StatusCode::NOT_MODIFIED
        )
}

fn is_of_a_type(headers: &HeaderMap, types: &[String]) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    kind.is_some_and(|kind| {
        let kind = kind.trim_ascii();
        types
            .iter()
            .any(|wanted| kind.eq_ignore_ascii_case(wanted.as_bytes()))
    })
}

/// What has no length is a stream, and may become large.
fn is_large(headers: &HeaderMap, min_bytes: u64) -> bool {
    let Some(length) = headers.get(CONTENT_LENGTH) else {
        return true;
    };
    let length = length.to_str().ok().and_then(|text| text.parse().ok());
    length.is_some_and(|length: u64| length >= min_bytes)
}

/// Whether one of `wanted`, in small letters, is among the words of a list, whatever it is said to be.
pub(super) fn has(headers: &HeaderMap, name: &HeaderName, wanted: &[&str]) -> bool {
    let values = headers.get_all(name).iter();
    let words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut names = words.filter_map(|word| word.split(|byte| *byte == b'=').next());
    names.any(|name| {
        let name = name.trim_ascii();
        wanted
            .iter()
            .any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()))
    })
}

#[cfg(test)]
mod tests;
