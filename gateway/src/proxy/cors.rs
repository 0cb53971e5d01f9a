//! Writes what `auth::cors` has decided.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, HeaderName, VARY,
};
use pingora_core::Result;
use pingora_http::ResponseHeader;

use sidgate_policy::auth::cors::Cors;

/// What an app may not say on a route whose list the gateway keeps.
const DECIDED: [HeaderName; 5] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// Writes the decision on an answer of the gateway.
pub(super) fn write(cors: &Cors, head: &mut ResponseHeader) -> Result<()> {
    for (name, value) in cors.fields() {
        if name == VARY {
            head.append_header(name, value)?;
        } else {
            head.insert_header(name, value)?;
        }
    }
    Ok(())
}

/// Writes the decision on an answer of an app, and removes what the app says.
pub(super) fn overwrite(cors: &Cors, head: &mut ResponseHeader) -> Result<()> {
    if matches!(cors, Cors::Unmanaged) {
        return Ok(());
    }
    for name in &DECIDED {
        head.remove_header(name);
    }
    write(cors, head)
}
