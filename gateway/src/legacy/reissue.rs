//! The way back: with `rollback_reissue`, the old cookies of a session are kept sealed beside it, and return to its
//! browser when migration is switched off, so that the old system finds its users logged in.

use std::sync::atomic::Ordering;

use http::HeaderValue;
use session_core::service::Active;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{Farewell, Offer};
use crate::config::MigrationMode;
use crate::gate::Gate;
use crate::site::Site;

/// Pairs as they were sent, in the form in which they are sealed.
pub(super) fn write(raw: &[(String, Zeroizing<String>)]) -> Option<Vec<u8>> {
    let pairs: Vec<(&str, &str)> = raw
        .iter()
        .map(|(name, value)| (&**name, &***value))
        .collect();
    serde_json::to_vec(&pairs).ok()
}

/// Old cookies that return: pairs for the app now, and lines for the browser.
pub(crate) struct Returned {
    /// What the app sees beside the cookies that came.
    pub(crate) pairs: String,
    pub(crate) farewell: Farewell,
}

/// The old cookies of a session whose browser does not have them, if there are any to return.
pub(crate) async fn due(
    gate: &Gate,
    site: &Site,
    offer: Option<&Offer>,
    active: &Active,
) -> Option<Returned> {
    let migration = &site.config.migration;
    let has_login = offer.is_some_and(|offer| offer.found.has_login());
    if migration.mode != MigrationMode::Off || !migration.rollback_reissue || has_login {
        return None;
    }
    let done = site.badge(&active.entry, &gate.metrics).returned();
    if done.load(Ordering::Relaxed) {
        return None;
    }
    let session = active.entry.session();
    let kept = match gate.sessions.kept(session.key).await {
        Ok(kept) => kept,
        Err(failed) => {
            warn!(session = %session.id, error = %failed, "old cookies not returned");
            return None;
        }
    };
    let Some(kept) = kept else {
        done.store(true, Ordering::Relaxed);
        return None;
    };
    let pairs: Vec<(String, String)> = serde_json::from_slice(&kept).ok()?;
    let life = session
        .expires_at
        .since(gate.sessions.clock().wall())
        .as_secs();
    let rest = attributes(site, life);
    let mut cookies = Vec::new();
    for (name, value) in &pairs {
        let mut line = HeaderValue::try_from(format!("{name}={value}; {rest}")).ok()?;
        line.set_sensitive(true);
        cookies.push(line);
    }
    info!(session = %session.id, "old cookies returned");
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Some(Returned {
        pairs: pairs.join("; "),
        farewell: Farewell {
            returned: Some((cookies, done)),
            ..Farewell::default()
        },
    })
}

/// The first configured domain, as the old system's own servers are likely to share it.
fn attributes(site: &Site, life: u64) -> String {
    let migration = &site.config.migration;
    let domain = migration
        .clear_domains
        .first()
        .map_or_else(String::new, |domain| format!("; Domain={domain}"));
    let path = migration
        .clear_paths
        .first()
        .map_or("/", |path| path.as_str());
    let secure = if site.config.cookie.secure {
        "; Secure"
    } else {
        ""
    };
    format!("Max-Age={life}; Path={path}{domain}{secure}; SameSite=Lax")
}

/// The Cookie line `sent` with `pairs` behind it.
pub(crate) fn joined(sent: Option<&HeaderValue>, pairs: &str) -> Option<HeaderValue> {
    let line = match sent {
        Some(sent) => [sent.as_bytes(), b"; ", pairs.as_bytes()].concat(),
        None => pairs.as_bytes().to_vec(),
    };
    let mut line = HeaderValue::try_from(line).ok()?;
    line.set_sensitive(true);
    Some(line)
}
