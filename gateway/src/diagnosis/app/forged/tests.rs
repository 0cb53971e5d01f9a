use bytes::Bytes;
use http::HeaderMap;
use http::header::LOCATION;
use session_core::clock::Timestamp;

use super::*;

fn answer(status: u16, location: &str, body: &str) -> Asked {
    let mut headers = HeaderMap::new();
    if !location.is_empty() {
        headers.insert(LOCATION, location.parse().unwrap());
    }
    Asked {
        status,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        at: Timestamp::default(),
    }
}

#[test]
fn what_an_identity_changes() {
    let named = format!("Hello, {SOMEBODY}");
    for (nobody, again, forged, differs) in [
        ((401, "", "no"), (401, "", "no"), (401, "", "no"), false),
        ((401, "", "no"), (401, "", "no"), (200, "", "yes"), true),
        (
            (302, "/login", ""),
            (302, "/login", ""),
            (302, "/home", ""),
            true,
        ),
        (
            (200, "", "token 1"),
            (200, "", "token 2"),
            (200, "", "token 3"),
            false,
        ),
        (
            (200, "", "token 1"),
            (200, "", "token 2"),
            (200, "", named.as_str()),
            true,
        ),
        (
            (200, "", "Hello"),
            (200, "", "Hello"),
            (200, "", "Welcome back"),
            true,
        ),
        (
            (200, "", &named),
            (200, "", &named),
            (200, "", &named),
            false,
        ),
        ((200, "", "a"), (500, "", "b"), (500, "", "b"), false),
    ] {
        let [first, second, third] =
            [nobody, again, forged].map(|(status, location, body)| answer(status, location, body));
        let found = difference(&first, &second, &third);
        assert_eq!(found.is_some(), differs, "{forged:?}: {found:?}");
    }
}
