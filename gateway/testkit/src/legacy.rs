//! The old system: its cookies, and an app that knows whose they are.

use serde_json::{Value, json};

use super::app::{App, identity};
use super::upstream::{Received, Reply};

/// Where the gateway asks whose cookies they are.
pub const INTROSPECT: &str = "/__sidgate__/introspect";

/// Where clients migrate by hand.
pub const MIGRATE: &str = "/api/auth/migrate-session";

/// The section that tests start from.
pub const MIGRATION: &str = r#"
    [migration]
    mode = "on"
    credentials = ["dott_auth_session", "session_token"]
    companions = ["onboarding_status", "businessInfoCompleted", "onboardingStep", "dott_*"]
    companions_passthrough = ["onboarding_status"]
    "#;

/// From now on `app` recognises a `session_token` or `dott_auth_session` of the form `NAME.anything` as the login of
/// `NAME`, and refuses all others.
pub fn knows_old_logins(app: &App) {
    app.on(INTROSPECT, |exchange| judge(&exchange.json()));
}

/// What the old system says.
pub fn judge(question: &Value) -> Reply {
    let cookies = &question["cookies"];
    let token = cookies["dott_auth_session"]
        .as_str()
        .or_else(|| cookies["session_token"].as_str());
    let name = token
        .and_then(|token| token.split_once('.'))
        .map(|(name, _)| name);
    match name {
        Some(name @ ("alice" | "bob" | "mallory")) => {
            Reply::json(200, &identity(&format!("{name}@example.com")))
        }
        _ => Reply::json(401, &json!({"code": "invalid"})),
    }
}

/// The questions that `app` was asked about old cookies.
pub fn questions(app: &App) -> Vec<Received> {
    let mut calls = app.backend_calls();
    calls.retain(|call| call.target() == INTROSPECT);
    calls
}
