//! `[admin]`: who may look into the gateway.

use std::time::Duration;

use session_core::secret::SecretString;
use sidgate_policy::auth::identity_field::IdentityField;

use super::duration::{days, mins, within};
use super::reader::Reader;
use super::secret::Sources;

/// A token is guessed at the speed of the network; this many characters keep it out of reach.
const MIN_TOKEN: usize = 32;

/// Access to metrics, admin API and dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Bearer token of the admin listener; `None` only when that is loopback.
    pub token: Option<SecretString>,
    /// Field of the identity that opens the dashboard on the public listener; `None` keeps it closed there.
    pub claim: Option<IdentityField>,
    /// How long ago a login may be for what an operator does on the public listener.
    pub fresh: Duration,
    /// Whether this node makes faults on purpose when a drill asks for them.
    pub drills: bool,
    /// Whether `/metrics` and the dashboard exist. Set by `ENABLE_SESSION_METRICS` only.
    pub metrics: bool,
}

impl AdminConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        let metrics = metrics(root, sources);
        root.section("admin", |admin| Self {
            token: admin
                .reference("token", |text| token(text, sources))
                .flatten(),
            claim: admin.text("claim", claim).flatten(),
            fresh: admin
                .text("fresh", within(mins(1)..=days(1)))
                .unwrap_or(mins(15)),
            drills: admin.flag("drills").unwrap_or(false),
            metrics,
        })
    }
}

fn metrics(root: &Reader<'_>, sources: &Sources<'_>) -> bool {
    const VARIABLE: &str = "ENABLE_SESSION_METRICS";
    match (sources.env)(VARIABLE).as_deref() {
        None | Some("" | "true") => true,
        Some("false") => false,
        Some(other) => {
            root.document().outside(
                VARIABLE,
                format!("{other:?} is neither \"true\" nor \"false\""),
            );
            true
        }
    }
}

/// The bearer token behind a reference to a secret. Empty is none.
pub(super) fn token(text: &str, sources: &Sources<'_>) -> Result<Option<SecretString>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let token = sources.secret(text)?.found()?;
    let is_sendable = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if token.expose().len() < MIN_TOKEN || !is_sendable {
        return Err(format!(
            "must be at least {MIN_TOKEN} visible ASCII characters without spaces"
        ));
    }
    Ok(Some(token))
}

/// A field of the identity; a single word is short for an attribute of that name.
fn claim(text: &str) -> Result<Option<IdentityField>, String> {
    match text {
        "" => Ok(None),
        "tenant_id" | "needs_onboarding" => {
            Err(format!("{text:?} says nothing about who may look in"))
        }
        _ if text.contains('.') => IdentityField::parse(text).map(Some),
        _ => IdentityField::parse(&format!("attributes.{text}")).map(Some),
    }
}
