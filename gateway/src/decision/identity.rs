//! Which fields tell an app about a session? All but the assertion, which is signed when it is written.

use http::header::{HeaderName, HeaderValue};
use sidgate_policy::auth::decide::State;
use sidgate_policy::auth::identity::Badge;
use sidgate_policy::edge::identity_headers::{EXPIRES_AT, ID, STALE, STATE, TENANT_ID, USER_ID};

/// Hands each field to `put`, once.
///
/// # Errors
/// The first one of `put`.
pub(crate) fn fields<E>(
    state: &State,
    badge: Option<&Badge>,
    mut put: impl FnMut(&HeaderName, HeaderValue) -> Result<(), E>,
) -> Result<(), E> {
    put(&STATE, HeaderValue::from_static(state.as_str()))?;
    let (State::Active(active), Some(badge)) = (state, badge) else {
        return Ok(());
    };
    put(&ID, badge.id.clone())?;
    if let Some(user_id) = &badge.user_id {
        put(&USER_ID, user_id.clone())?;
    }
    if let Some(tenant_id) = &badge.tenant_id {
        put(&TENANT_ID, tenant_id.clone())?;
    }
    put(&EXPIRES_AT, badge.expires_at.clone())?;
    for (name, value) in &badge.attributes {
        put(name, value.clone())?;
    }
    if let Some(stale) = active.stale {
        put(&STALE, HeaderValue::from(stale.as_secs()))?;
    }
    Ok(())
}
