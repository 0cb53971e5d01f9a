//! From what a request brought to whose it is.

use std::sync::Arc;

use http::HeaderMap;
use session_core::service::{Absence, Query, Resolution};
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::{self, Finding};
use sidgate_policy::edge::{Cookies, SidCookie, Vetted};

use super::look_up::{QUIETLY, look_up};
use super::old_cookies::{Identified, LegacyCookies};
use crate::config::SessionPolicy;
use crate::limits::buckets::TooMany;
use crate::risk;
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::traces::Trace;
use crate::telemetry::traces::noting::noting_within;
use crate::telemetry::traces::recording::Recording;

/// What the session cookie stands for; `None` when there is none. `recognise` knows the keys of this installation. Whether a
/// session lives is another question.
pub(crate) fn presented(
    cookies: &Cookies<'_>,
    recognise: impl FnOnce(&[u8]) -> Result<SessionKey, Absence>,
) -> Option<Result<SessionKey, Absence>> {
    match cookies.sid() {
        SidCookie::One(sid) => Some(recognise(sid)),
        SidCookie::None => None,
    }
}

/// A request whose sender is to be known: who sent it, and what it brought.
#[derive(Debug)]
pub(crate) struct Visit {
    /// Who sent it.
    pub client: Client,
    /// Cookies of the old system, if it brought some.
    pub(super) legacy_cookies: Option<Box<LegacyCookies>>,
    /// What the session cookie stands for; `None` when there is none.
    presented: Option<Result<SessionKey, Absence>>,
}

impl Visit {
    /// What a vetted request brought. No I/O.
    pub(crate) fn of(
        gateway: &Gateway,
        settings: &ActiveConfig,
        vetted: &Vetted<'_>,
        (method, headers): (&str, &HeaderMap),
        client: Client,
    ) -> Self {
        let site = settings.site(client.to.site);
        Self {
            client,
            legacy_cookies: LegacyCookies::of(settings, vetted, method, headers),
            presented: presented(&vetted.cookies, |sid| {
                gateway.sessions.recognise(sid, &site.groups)
            }),
        }
    }

    /// Of somebody who is known by the session alone, if there is one.
    pub(crate) const fn of_session(client: Client, key: Option<SessionKey>) -> Self {
        Self {
            client,
            legacy_cookies: None,
            presented: match key {
                Some(key) => Some(Ok(key)),
                None => None,
            },
        }
    }

    /// The stored key of the cookie's value, if it is a sid of ours; whether a session lives is another question.
    pub(crate) fn key(&self) -> Option<SessionKey> {
        self.presented.and_then(Result::ok)
    }

    /// The same, unless the session is known to be one of another tenant than the host's: it is none of the visitor's here, so
    /// nothing that is done here may end or change it.
    pub(crate) async fn key_here(&self, gateway: &Gateway) -> Option<SessionKey> {
        let key = self.key()?;
        if self.client.to.takes_all() {
            return Some(key);
        }
        match self.client.to.judge(
            gateway
                .sessions
                .resolve_key(key, &self.client.to.group, QUIETLY)
                .await,
        ) {
            Resolution::Absent(Absence::OtherTenant) => None,
            _ => Some(key),
        }
    }

    /// The session of the cookie; old logins are left alone.
    ///
    /// # Errors
    /// When this client has sent too many sids that are no sessions.
    pub(crate) async fn session(
        &self,
        gateway: &Gateway,
        settings: &ActiveConfig,
        query: Query,
    ) -> Result<Finding, TooMany> {
        let finding = self.by_cookie(gateway, settings, query).await?;
        risk::judge_request(gateway, settings, &finding, &self.client);
        Ok(finding)
    }

    /// Whose request it is: the session of the cookie, or the one that an old login becomes.
    ///
    /// # Errors
    /// [`TooMany`] when this client has sent too many unknown sids and invalid old logins.
    pub(crate) async fn identify(
        &self,
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
        policy: SessionPolicy,
        query: Query,
    ) -> Result<Identified, TooMany> {
        let finding = if policy.asks() {
            self.by_cookie(gateway, settings, query).await?
        } else {
            Finding::NotAsked
        };
        let identified = self.arrive(gateway, settings, finding, query).await?;
        risk::judge_request(gateway, settings, &identified.finding, &self.client);
        Ok(identified)
    }

    /// Looks the session up and counts how long that took. The time that an app takes to judge an old login is not in it.
    async fn by_cookie(
        &self,
        gateway: &Gateway,
        settings: &ActiveConfig,
        query: Query,
    ) -> Result<Finding, TooMany> {
        let Some(presented) = self.presented else {
            return Ok(Finding::NoCookie);
        };
        let clock = gateway.sessions.clock();
        let before = clock.boot();
        let trace = self.client.trace.as_deref();
        let recording = trace.and_then(Trace::recording);
        let span = recording.map(Recording::new_id);
        let found = match presented {
            Ok(key) => {
                let looking = look_up(gateway, settings, &self.client, key, query);
                noting_within(trace, span, looking).await?
            }
            Err(absence) => Resolution::Absent(absence),
        };
        let finding = Finding::Resolved(self.client.to.judge(found));
        let (tier, result) = decide::labels(&finding);
        let took = clock.boot().since(before);
        gateway.metrics.resolve(tier, result, took);
        if let (Some(recording), Some(span)) = (recording, span) {
            recording.resolved(span, (before, took), (tier, result));
        }
        Ok(finding)
    }
}
