//! `SessionView`: a session as its own browser sees it (DESIGN 9).

use serde_json::{Value, json};
use session_core::clock::Timestamp;
use session_core::session::{Session, SiteName};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The view of a live session.
pub(crate) fn session_view(session: &Session, last_activity: Timestamp) -> Value {
    let mut identity = session.identity.to_value();
    let mut user = identity.get_mut("user").map_or(Value::Null, Value::take);
    let tenant_id = session.identity.tenant_id();
    if let Some(user) = user.as_object_mut() {
        user.insert("tenantId".to_owned(), json!(tenant_id));
    }
    json!({
        "authenticated": true,
        "user": user,
        "tenantId": tenant_id,
        "needsOnboarding": identity.get("needs_onboarding").and_then(Value::as_bool).unwrap_or(false),
        "session": {
            "id": session.id,
            "createdAt": rfc3339(session.created_at),
            "expiresAt": rfc3339(session.expires_at),
            "lastActivity": rfc3339(last_activity),
        },
    })
}

/// Says where a session was made, where sites have names.
pub(crate) fn add_site(view: &mut Value, site: &SiteName) {
    if let Some(view) = view.as_object_mut().filter(|_| !site.is_default()) {
        view.insert("site".to_owned(), json!(site.as_str()));
    }
}

/// The view without a session. `code` says why it ended, where there is more to say than "not logged in".
pub(crate) fn anonymous_view(code: Option<&'static str>) -> Value {
    let mut view = json!({"authenticated": false, "user": null});
    if let (Some(view), Some(code)) = (view.as_object_mut(), code) {
        view.insert("code".to_owned(), json!(code));
    }
    view
}

/// Whole seconds in UTC.
pub(crate) fn rfc3339(at: Timestamp) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(at.as_secs())
        .ok()?
        .format(&Rfc3339)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(
            rfc3339(Timestamp::from_micros(1_795_500_000_999_999)).as_deref(),
            Some("2026-11-24T06:00:00Z")
        );
    }
}
