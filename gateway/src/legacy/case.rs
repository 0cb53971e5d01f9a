//! Judges the credentials of one request: looks each up in the store, asks the app about the rest, judges all together,
//! and carries out the verdict.
//!
//! Other nodes may judge the same credentials at the same time. The store decides: whenever it has changed since the
//! last look, all credentials are looked up again.

use std::convert::identity;
use std::sync::Arc;

use session_core::clock::Boot;
use session_core::keys::legacy::LegacyLogin;
use session_core::service::{Created, Login, Migrated, SessionsError};
use session_core::sid::SessionKey;
use uuid::Uuid;

use super::cookies::found::Found;
use super::evidence::{Dead, Evidence, State, Stop};
use super::judgement::{self, Verdict};
use super::notes::{note, unavailable};
use super::reissue;
use super::state::{Landed, Outcome};
use crate::state::{ActiveConfig, Addressed, Client, Gateway};
use crate::telemetry::labels;
use crate::telemetry::security::Facts;

/// Most rounds of looking up credentials while other requests change them. Each round but the last settles one of them.
const LOOKS: usize = 6;

/// The old logins of one request, and what has been found out about them.
pub(super) struct Case {
    evidence: Evidence,
    /// The session that was made here.
    made: Option<Uuid>,
    /// Judgements that count against the client: a dead value, or a contradiction.
    misses: usize,
}

/// What came of ending the logins of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// These sessions are to be ended. Their logins end with them.
    Sessions(Vec<SessionKey>),
    /// The logins are not judged: the cookies are ambiguous, or outside the share that is migrated.
    Unclear,
    /// The store or the app cannot answer just now.
    Unknown,
}

/// The result of ending the logins of a request, and what it has cost: see [`Landed`].
pub(super) struct Ending {
    pub(super) ended: Ended,
    pub(super) misses: usize,
    pub(super) is_cut_short: bool,
}

impl Default for Ended {
    fn default() -> Self {
        Self::Sessions(Vec::new())
    }
}

impl Case {
    pub(super) fn new(
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
        found: &Arc<Found>,
        client: &Client,
    ) -> Self {
        Self {
            evidence: Evidence::new(gateway, settings, found, client),
            made: None,
            misses: 0,
        }
    }

    /// Judges by the store alone: the app is not asked.
    pub(super) fn without_asking(mut self) -> Self {
        self.evidence.may_ask = false;
        self
    }

    /// One login for each value that was found, in the same order.
    pub(super) fn logins(&self) -> &[Arc<LegacyLogin>] {
        &self.evidence.logins
    }

    /// A digest of all credentials together.
    pub(super) fn digest(&self) -> SessionKey {
        let mut digest = blake3::Hasher::new();
        for login in self.logins() {
            digest.update(login.digest().as_bytes());
        }
        SessionKey::from_bytes(*digest.finalize().as_bytes())
    }

    /// Whether every value was refused lately.
    pub(super) fn is_refused(&self, now: Boot) -> bool {
        let mut logins = self.logins().iter();
        logins.all(|login| self.gateway().migrations.is_refused(login, now))
    }

    /// Finds out whose logins these are, and carries out what follows.
    pub(super) async fn judge(mut self) -> Landed {
        for _ in 0..LOOKS {
            let states = match self.evidence.look().await {
                Ok(states) => states,
                Err(stop) => return self.stopped(stop),
            };
            let standings = self.evidence.standings(&states);
            let verdict = judgement::judge(&standings);
            let spent = judgement::spent(&standings, &verdict);
            match self.follow(&states, verdict, spent).await {
                Ok(Some(outcome)) => {
                    self.remember(&states);
                    return self.landed(outcome);
                }
                Ok(None) => {}
                Err(failed) => return self.stopped(Stop::Failed(failed)),
            }
        }
        self.stopped(Stop::Failed(SessionsError::Contended))
    }

    /// Finds the sessions to end, of whichever user. A valid login without a session gets one, because a login ends
    /// with its session.
    pub(super) async fn end(mut self) -> Ending {
        let ended = self.end_all().await;
        Ending {
            is_cut_short: matches!(ended, Err(Stop::CutShort)),
            ended: ended.unwrap_or(Ended::Unknown),
            misses: self.vain(),
        }
    }

    async fn end_all(&mut self) -> Result<Ended, Stop> {
        for _ in 0..LOOKS {
            let states = self.evidence.look().await?;
            let accepted = states.iter().enumerate();
            let accepted = accepted.filter(|(_, state)| matches!(state, State::Accepted));
            let accepted: Vec<usize> = accepted.map(|(at, _)| at).collect();
            if accepted.is_empty() {
                self.remember(&states);
                return Ok(ended(&states, &self.evidence.client.to));
            }
            if !self.is_at_home(&accepted) {
                return Ok(Ended::Unclear);
            }
            for at in accepted {
                self.make(&[at]).await.map_err(Stop::Failed)?;
            }
        }
        Ok(Ended::Unknown)
    }

    /// Whether sessions of those who have these accepted values count at the host of the request.
    fn is_at_home(&self, of: &[usize]) -> bool {
        let mut accepted = of.iter().filter_map(|at| self.evidence.accepted(*at));
        let to = &self.evidence.client.to;
        accepted.all(|accepted| to.takes(accepted.identity.tenant_id()))
    }

    /// Carries out the verdict. `None`: the store has changed, look again.
    async fn follow(
        &mut self,
        states: &[State],
        verdict: Verdict,
        spent: Vec<usize>,
    ) -> Result<Option<Outcome>, SessionsError> {
        Ok(match verdict {
            Verdict::Session { of, joined_by } => {
                let Some(State::Live(created)) = states.get(of) else {
                    return Ok(None);
                };
                for at in joined_by {
                    if !self.join(at, created).await? {
                        return Ok(None);
                    }
                }
                Some(self.session(created, spent))
            }
            Verdict::NewSession { of } if !self.is_at_home(&of) => {
                self.note(labels::Judged::OtherTenant, identity);
                Some(Outcome::Ambiguous)
            }
            Verdict::NewSession { of } => {
                let Some(created) = self.make(&of).await? else {
                    return Ok(None);
                };
                let is_complete = self.evidence.of_one_tenant(&of).len() == of.len();
                is_complete.then(|| self.session(&created, spent))
            }
            Verdict::Dead => {
                self.remember(states);
                let now = self.gateway().sessions.clock().boot();
                let cleared_names = self.gateway().migrations.cleared_names(self.logins(), now);
                Some(Outcome::Refused(cleared_names))
            }
            Verdict::Contradiction => {
                self.misses += 1;
                self.note(labels::Judged::Ambiguous, identity);
                Some(Outcome::Ambiguous)
            }
            Verdict::Unjudged { beside_a_valid_one } => {
                if beside_a_valid_one {
                    self.note(labels::Judged::Ambiguous, identity);
                } else {
                    let why = self.evidence.why.as_deref();
                    let why = why.unwrap_or("no answer about this value a moment ago");
                    unavailable(self.gateway(), &self.evidence.client, why);
                }
                Some(Outcome::Unavailable)
            }
        })
    }

    /// Makes one session of these accepted values. Those of another tenant than the first one's are left out. `None`:
    /// the store has changed, look again.
    async fn make(&mut self, of: &[usize]) -> Result<Option<Created>, SessionsError> {
        let of = self.evidence.of_one_tenant(of);
        let first = of.first().and_then(|at| self.evidence.accepted(*at));
        let (Some(first), Some(ticket)) = (first, self.evidence.ticket) else {
            return Ok(None);
        };
        let settings = &self.evidence.settings;
        let config = &settings.config;
        let site = &settings.site(self.evidence.client.to.site).config;
        let login = Login {
            group: site.group.clone(),
            site: site.name.clone(),
            identity: (*first.identity).clone(),
            reference: first.reference.clone(),
            ip: Some(self.evidence.client.ip),
            user_agent: self.evidence.client.clipped_user_agent(),
            ttl: config.session.absolute_timeout,
            idle: config.session.idle_timeout,
            replaces: None,
            // This is no new login: the limit of sessions neither refuses it nor ends another session for it.
            limit: None,
            ends_with_browser: false,
        };
        let kept = config
            .migration
            .rollback_reissue
            .then(|| reissue::write(&self.evidence.found.kept(&of)))
            .flatten();
        let proven = self.evidence.proven(&of);
        let sessions = &self.evidence.gateway.sessions;
        let migrated = sessions.migrate(ticket, &proven, login, kept.as_deref());
        match migrated.await? {
            Migrated::Made(created) => {
                self.gateway().metrics.created(labels::Created::Migration);
                self.made = Some(created.session.id);
                Ok(Some(*created))
            }
            Migrated::Changed => Ok(None),
            Migrated::Ended => {
                self.evidence.refuse(&of);
                Ok(None)
            }
        }
    }

    /// Attaches an accepted value to this session. `false`: the store has changed, look again.
    async fn join(&self, at: usize, created: &Created) -> Result<bool, SessionsError> {
        let Some(accepted) = self.evidence.accepted(at) else {
            return Ok(false);
        };
        let (tenant, proven) = (accepted.identity.tenant_id(), self.evidence.proven(&[at]));
        let sessions = &self.evidence.gateway.sessions;
        sessions.attach(&proven, tenant, created).await
    }

    fn session(&self, created: &Created, spent: Vec<usize>) -> Outcome {
        let Created { sid, session } = created;
        let made = self.made == Some(session.id);
        let result = if made {
            labels::Judged::Migrated
        } else {
            labels::Judged::Already
        };
        self.note(result, |facts| facts.by_owner(session));
        Outcome::Session {
            key: session.key,
            sid: sid.clone(),
            made,
            spent,
        }
    }

    /// Remembers which values are no login any more, and logs each of them once.
    fn remember(&mut self, states: &[State]) {
        let gateway = Arc::clone(self.gateway());
        let now = gateway.sessions.clock().boot();
        for (state, login) in states.iter().zip(&self.evidence.logins) {
            let State::Dead(dead) = state else { continue };
            let (result, session) = match *dead {
                Dead::Remembered => continue,
                Dead::Refused => (labels::Judged::Refused, None),
                Dead::Replayed(session) => (labels::Judged::Replayed, session),
                Dead::Revoked => (labels::Judged::Revoked, None),
            };
            if gateway.migrations.is_refused(login, now) {
                continue;
            }
            gateway.migrations.refuse(login, now);
            self.misses += 1;
            self.note(result, |facts| Facts { session, ..facts });
        }
    }

    /// Misses and failed questions, which are charged to the client.
    fn vain(&self) -> usize {
        self.misses + self.evidence.failures
    }

    fn gateway(&self) -> &Arc<Gateway> {
        &self.evidence.gateway
    }

    fn note<'a>(&'a self, result: labels::Judged, about: impl FnOnce(Facts<'a>) -> Facts<'a>) {
        note(self.gateway(), &self.evidence.client, result, about);
    }

    fn landed(&self, outcome: Outcome) -> Landed {
        Landed {
            outcome,
            misses: self.vain(),
            is_cut_short: false,
        }
    }

    fn stopped(&self, stop: Stop) -> Landed {
        let is_cut_short = matches!(stop, Stop::CutShort);
        if let Stop::Failed(failed) = &stop {
            unavailable(self.gateway(), &self.evidence.client, &failed.to_string());
        }
        Landed {
            is_cut_short,
            ..self.landed(Outcome::Unavailable)
        }
    }
}

/// The sessions that are to end, or `Unknown` while a value is unsettled. What does not count at `host` is left alone.
fn ended(states: &[State], host: &Addressed) -> Ended {
    let mut keys = Vec::new();
    for state in states {
        match state {
            State::Live(created)
                if host.takes_session(&created.session) && !keys.contains(&created.session.key) =>
            {
                keys.push(created.session.key);
            }
            State::Live(_) | State::Dead(_) => {}
            State::Accepted | State::Unjudged => return Ended::Unknown,
        }
    }
    Ended::Sessions(keys)
}
