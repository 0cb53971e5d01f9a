//! The way back: with `rollback_reissue`, the old cookies of a session are kept sealed beside it, and return to its
//! browser when migration is switched off, so that the old system finds its users logged in.

use std::sync::atomic::Ordering;

use http::HeaderValue;
use session_core::service::Active;
use session_core::sid::SessionKey;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{CookieChanges, LegacyCookies};
use crate::config::MigrationMode;
use crate::state::{ActiveConfig, Gateway};

/// Pairs as they were sent, in the form in which they are sealed.
pub(super) fn write(pairs: &[(&str, &str)]) -> Option<Vec<u8>> {
    serde_json::to_vec(pairs).ok()
}

/// Old cookies that return: pairs for the app now, and lines for the browser.
pub(crate) struct Returned {
    /// What the app sees beside the cookies that came.
    pub(crate) pairs: String,
    pub(crate) cookie_changes: CookieChanges,
}

/// The old cookies of a session whose browser does not have them, if there are any to return.
pub(crate) async fn due(
    gateway: &Gateway,
    settings: &ActiveConfig,
    legacy_cookies: Option<&LegacyCookies>,
    (active, site): (&Active, usize),
) -> Option<Returned> {
    let migration = &settings.config.migration;
    let has_login = legacy_cookies.is_some_and(|legacy_cookies| legacy_cookies.found.has_login());
    if migration.mode != MigrationMode::Off || !migration.rollback_reissue || has_login {
        return None;
    }
    let (key, now) = (&active.entry.session().key, gateway.sessions.clock().boot());
    let done = gateway
        .migrations
        .told(key, settings.generation, now)
        .returned;
    if done.load(Ordering::Relaxed) {
        return None;
    }
    let session = active.entry.session();
    let Some(pairs) = kept(gateway, session.key).await? else {
        done.store(true, Ordering::Relaxed);
        return None;
    };
    let life = session
        .expires_at
        .since(gateway.sessions.clock().wall())
        .as_secs();
    let mut cookies = Vec::new();
    for (name, value) in &pairs {
        let rest = attributes(settings, site, name, life);
        let mut line = HeaderValue::try_from(format!("{name}={value}; {rest}")).ok()?;
        line.set_sensitive(true);
        cookies.push(line);
    }
    info!(session = %session.id, "old cookies returned");
    // Apps see only those that would pass if the browser sent them.
    let printable = |value: &str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let pairs: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| printable(value))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Some(Returned {
        pairs: pairs.join("; "),
        cookie_changes: CookieChanges {
            returned: Some((cookies, done)),
            ..CookieChanges::default()
        },
    })
}

/// Clears the old cookies that may have been returned to the browser of a session that is about to end.
pub(crate) async fn returned(
    gateway: &Gateway,
    settings: &ActiveConfig,
    (key, site): (SessionKey, usize),
) -> Option<CookieChanges> {
    let migration = &settings.config.migration;
    if migration.mode != MigrationMode::Off || !migration.rollback_reissue {
        return None;
    }
    let pairs = kept(gateway, key).await??;
    let names = pairs.into_iter().map(|(name, _)| name).collect();
    Some(CookieChanges::clearing(names, (site, "/".to_owned())))
}

/// Names and values that were kept with a session. The outer `None`: the store failed.
async fn kept(gateway: &Gateway, key: SessionKey) -> Option<Option<Vec<(String, String)>>> {
    match gateway.sessions.kept(key).await {
        Ok(kept) => Some(kept.and_then(|kept: Zeroizing<_>| serde_json::from_slice(&kept).ok())),
        Err(failed) => {
            warn!(cause = %failed, "old cookies not read");
            None
        }
    }
}

/// Attributes of a returned cookie. By default scripts cannot read a credential, and other hosts do not get it; the
/// configuration may say otherwise.
fn attributes(settings: &ActiveConfig, site: usize, name: &str, life: u64) -> String {
    let migration = &settings.config.migration;
    let rules = settings.legacy.as_ref().map(|legacy| &legacy.rules);
    let is_credential = rules.is_some_and(|rules| rules.is_credential(name.as_bytes()));
    let is_readable = migration.reissue_readable.iter().any(|readable| {
        let rest = name.strip_prefix(readable.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    let domain = migration
        .reissue_domain
        .as_ref()
        .map_or_else(String::new, |domain| format!("; Domain={domain}"));
    let path = migration
        .clear_paths
        .first()
        .map_or("/", |path| path.as_str());
    let secure = if settings.site(site).config.cookie.secure {
        "; Secure"
    } else {
        ""
    };
    let http_only = if is_credential && !is_readable {
        "; HttpOnly"
    } else {
        ""
    };
    format!("Max-Age={life}; Path={path}{domain}{secure}{http_only}; SameSite=Lax")
}

/// The Cookie line `sent` with `pairs` behind it.
pub(crate) fn joined(sent: Option<&HeaderValue>, pairs: &str) -> Option<HeaderValue> {
    let line = match sent {
        Some(sent) if pairs.is_empty() => return Some(sent.clone()),
        Some(sent) => [sent.as_bytes(), b"; ", pairs.as_bytes()].concat(),
        None => pairs.as_bytes().to_vec(),
    };
    let mut line = HeaderValue::try_from(line).ok()?;
    line.set_sensitive(true);
    Some(line)
}
