//! Sessions that are made for a drill, and nobody's.
//!
//! They are written to the store straight: no password exists with which the backend would let them in, and whoever can do it holds
//! the master key and the store already. Each lives for minutes, and its sid never leaves this process but to the nodes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use session_core::clock::{Clock as _, SystemClock};
use session_core::entropy::{self, SystemEntropy};
use session_core::keys::Keyring;
use session_core::session::{Identity, NewSession, Origin, References, RevokeReason};
use session_core::sid::Sid;
use session_core::store::{Revoked, Scope, SessionStore};
use uuid::Uuid;

use super::cannot::CannotDrill;
use crate::config::Site;

/// Whose sessions they are. No app has such a user.
pub(super) const USER: &str = "sidgate-drill";
/// What a list of sessions shows as their device.
const USER_AGENT: &str = "sidgate drill";
/// How long they live if the drill is killed.
const LIFE: Duration = Duration::from_secs(300);

/// One such session, with the only copy of its sid.
pub(super) struct Canary {
    pub(super) sid: Sid,
    id: Uuid,
}

/// Makes and ends them.
pub(super) struct Canaries<'a> {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) keys: Keyring,
    pub(super) site: &'a Site,
}

impl Canaries<'_> {
    /// Makes one, of no tenant.
    ///
    /// # Errors
    /// When the store does not take it.
    pub(super) async fn make(&self) -> Result<Canary, CannotDrill> {
        let (identity, _no_reference) = Identity::from_value(json!({"user": {"id": USER}}))
            .map_err(|refused| CannotDrill::Client(refused.to_string()))?;
        let random = entropy::bytes(&SystemEntropy)?;
        let (sid, key) = self.keys.mint(random, &self.site.group);
        let id = entropy::handle(SystemClock.wall(), &SystemEntropy)?;
        let new = NewSession {
            key,
            id,
            group: self.site.group.clone(),
            site: self.site.name.clone(),
            identity,
            ip: None,
            user_agent: USER_AGENT.into(),
            ttl: LIFE,
            idle: Duration::ZERO,
            references: References::default(),
            sampled: self.store.head().await?,
            origin: Origin::Login { replaces: None },
            limit: None,
        };
        self.store.insert(&new).await?;
        Ok(Canary { sid, id })
    }

    /// Makes so many.
    ///
    /// # Errors
    /// When the store does not take them all.
    pub(super) async fn flock(&self, number: usize) -> Result<Vec<Canary>, CannotDrill> {
        let mut flock = Vec::with_capacity(number);
        for _ in 0..number {
            flock.push(self.make().await?);
        }
        Ok(flock)
    }

    /// Ends one. It is committed when this returns.
    ///
    /// # Errors
    /// When that is not known.
    pub(super) async fn end(&self, canary: &Canary) -> Result<Revoked, CannotDrill> {
        let scope = Scope::Handle {
            id: canary.id,
            user_id: Some(USER.into()),
            group: None,
        };
        Ok(self.store.revoke(&scope, RevokeReason::Admin).await?)
    }

    /// Ends all that any drill has made.
    ///
    /// # Errors
    /// When that is not known. They end by themselves in minutes.
    pub(super) async fn end_all(&self) -> Result<(), CannotDrill> {
        let scope = Scope::User(USER.into());
        self.store.revoke(&scope, RevokeReason::Admin).await?;
        Ok(())
    }
}
