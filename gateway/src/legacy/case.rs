//! The credentials of one request before the court: each is looked up, the rest is asked of the app, all are judged
//! together, and what follows is done.
//!
//! Other nodes may be at the same credentials. What the store knows decides: whenever it turns out to know more than a
//! moment ago, everything is looked at again.

use std::convert::identity;
use std::sync::Arc;

use session_core::clock::Boot;
use session_core::keys::legacy::LegacyLogin;
use session_core::service::{Created, Login, Migrated, SessionsError};
use session_core::sid::SessionKey;
use session_core::store::StoreError;
use uuid::Uuid;

use super::cookies::found::Found;
use super::evidence::{Dead, Evidence, State, Stop};
use super::judgement::{self, Verdict};
use super::notes::{note, unavailable};
use super::reissue;
use super::state::{Landed, Outcome};
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels;
use crate::telemetry::security::Facts;

/// Looks at credentials that others keep storing and forgetting. Each look but the last has settled one of them.
const LOOKS: usize = 6;

/// The old logins of one request, and what has been found out about them.
pub(super) struct Case {
    evidence: Evidence,
    /// The session that was made here.
    made: Option<Uuid>,
    /// Values that were nobody's.
    misses: usize,
}

/// What came of ending the logins of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// These sessions are to end; with them the logins do.
    Sessions(Vec<SessionKey>),
    /// They are not judged: nobody can tell which logins came, or they are not among those that are migrated.
    Unclear,
    /// Nobody can say just now.
    Unknown,
}

/// What came of it, and what it has cost: see [`Landed`].
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

    /// By what the store knows alone.
    pub(super) fn without_asking(mut self) -> Self {
        self.evidence.may_ask = false;
        self
    }

    /// One for each value that was found, in its place.
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

    /// Who comes?
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

    /// Every valid login is to end, whosever it is.
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
                return Ok(ended(&states));
            }
            for at in accepted {
                self.make(&[at]).await.map_err(Stop::Failed)?;
            }
        }
        Ok(Ended::Unknown)
    }

    /// Does what the verdict asks for. `None`: more is known now.
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

    /// Makes one session of these values, all accepted, or of those of the first one's tenant. `None`: more is known now.
    async fn make(&mut self, of: &[usize]) -> Result<Option<Created>, SessionsError> {
        let of = self.evidence.of_one_tenant(of);
        let first = of.first().and_then(|at| self.evidence.accepted(*at));
        let (Some(first), Some(ticket)) = (first, self.evidence.ticket) else {
            return Ok(None);
        };
        let config = &self.evidence.settings.config;
        let login = Login {
            identity: (*first.identity).clone(),
            reference: first.reference.clone(),
            ip: Some(self.evidence.client.ip),
            user_agent: self.evidence.client.user_agent.clone(),
            ttl: config.session.absolute_timeout,
            idle: config.session.idle_timeout,
            replaces: None,
            // Nobody logs in: a login that is there already is not refused, nor does it end another one.
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

    /// Notes that an accepted value is the login of this session too. `false`: more is known now.
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

    /// Remembers which values are no login any more, and says so once.
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

    /// How often somebody was asked in vain.
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
            let why = match failed {
                SessionsError::Store(StoreError::Unavailable(_)) => "store unavailable".to_owned(),
                other => other.to_string(),
            };
            unavailable(self.gateway(), &self.evidence.client, &why);
        }
        Landed {
            is_cut_short,
            ..self.landed(Outcome::Unavailable)
        }
    }
}

/// The sessions that are to end, unless somebody may be missing among them.
fn ended(states: &[State]) -> Ended {
    let mut keys = Vec::new();
    for state in states {
        match state {
            State::Live(created) if !keys.contains(&created.session.key) => {
                keys.push(created.session.key);
            }
            State::Live(_) | State::Dead(_) => {}
            State::Accepted | State::Unjudged => return Ended::Unknown,
        }
    }
    Ended::Sessions(keys)
}
