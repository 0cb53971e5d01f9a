//! `response_headers` of a route: fields that an answer gets where the app does not write them.

use http::header::{
    ACCEPT_RANGES, AGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    DATE, ETAG, LAST_MODIFIED, LOCATION, PROXY_AUTHENTICATE, SERVER, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue};
use sidgate_policy::edge::headers::{is_odd, reserved};

/// What an answer says about the connection to the app.
const OF_THE_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
];

/// What only the app can know about this very answer.
const OF_THE_ANSWER: [HeaderName; 10] = [
    ACCEPT_RANGES,
    AGE,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    ETAG,
    LAST_MODIFIED,
    LOCATION,
    DATE,
];

/// What the gateway writes, or takes away from every answer.
const OF_THE_GATEWAY: [HeaderName; 3] = [
    SERVER,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-powered-by"),
];

/// Reads a field.
pub(super) fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let known = HeaderName::try_from(name)
        .ok()
        .filter(|name| !is_odd(name.as_str()));
    let name =
        known.ok_or_else(|| "is not a header name: write letters, digits and \"-\"".to_owned())?;
    let refused = if name == SET_COOKIE {
        Some("one cookie for all visitors is a mistake; let the app set cookies")
    } else if reserved(name.as_str()).is_some() || OF_THE_GATEWAY.contains(&name) {
        Some("belongs to sidgate")
    } else if OF_THE_CONNECTION.contains(&name) {
        Some("is about one connection, and never passed on")
    } else if OF_THE_ANSWER.contains(&name) {
        Some("is about one answer, which only the app knows")
    } else {
        None
    };
    if let Some(why) = refused {
        return Err(why.to_owned());
    }
    let is_text = !value.is_empty()
        && value.trim_matches(' ') == value
        && value
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let value = HeaderValue::from_str(value).ok().filter(|_| is_text);
    let value = value.ok_or("is not a value of a header: write visible ASCII on one line")?;
    Ok((name, value))
}
