//! The cookies that an app gets: its own, and the marker if it is to see one.

use http::HeaderValue;
use sidgate_policy::auth::decide::State;
use sidgate_policy::edge::marker;
use uuid::Uuid;

use super::Forward;

/// The one `Cookie` line for the app of `forward`; `None`: it gets none.
pub(crate) fn cookie_line(forward: &Forward) -> Option<HeaderValue> {
    let Some(name) = &forward.app.cookie_marker else {
        return forward.cookie.clone();
    };
    let mut buffer = Uuid::encode_buffer();
    let handle = match &forward.state {
        State::Active(active) => {
            let id = active.entry.session().id.hyphenated();
            Some(&*id.encode_lower(&mut buffer))
        }
        _ => None,
    };
    marker::marked(forward.cookie.as_ref(), name.as_str(), handle)
}
