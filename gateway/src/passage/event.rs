//! Obeys an app's `X-Session-Event`: verified, bound to the request it answers, applied in order.

use std::sync::Arc;

use http::HeaderValue;
use session_core::service::{
    Created, Login, Query, Resolution, SessionsError, Unknown, UpdateError,
};
use session_core::session::{IdentityPatch, Owner, Reference, Text};
use session_core::sid::SessionKey;
use session_core::store::StoreError;
use sidgate_policy::auth::decide::State;
use sidgate_policy::auth::event::{EventKind, LoginEvent, LogoutScope, SessionEvent};
use sidgate_policy::auth::token::{Answered, TokenRefused};
use thiserror::Error;
use tracing::warn;
use uuid::Uuid;

use super::Record;
use crate::answer::{Rejection, set_cookie};
use crate::risk;
use crate::state::Gateway;
use crate::telemetry::labels::{self, EventResult};
use crate::telemetry::security::{self, Facts, Kind};

mod logout;
mod served;

pub(crate) use self::served::Served;

/// The result of an event.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The answer had an event, believed or not: it must not be cached.
    pub(crate) had_event: bool,
    /// It was believed and permitted.
    pub(crate) is_believed: bool,
    /// A login or a logout could not be committed, and why.
    pub(crate) failed: Option<Rejection>,
    /// The final decision about the session cookie.
    pub(crate) cookie: Option<HeaderValue>,
}

impl Outcome {
    /// The app sent an event that was not accepted.
    pub(crate) fn untrusted() -> Self {
        Self {
            had_event: true,
            ..Self::default()
        }
    }
}

/// Why an event that was believed had no effect.
#[derive(Debug, Error)]
enum NotDone {
    #[error(transparent)]
    Sessions(#[from] SessionsError),
    #[error(transparent)]
    Update(#[from] UpdateError),
    #[error("it is unknown whose session it is: {}", .0.as_str())]
    Unknown(Unknown),
    #[error("there is no session to change")]
    NoSession,
    #[error("the node had no lease when the request came in")]
    NoTicket,
    #[error("the cookie could not be written")]
    Cookie,
    #[error("it is unknown whose old login came with the request")]
    OldLogin,
    #[error("the host belongs to another tenant")]
    WrongTenant,
}

impl NotDone {
    /// The answer to the browser in place of the app's.
    fn rejection(&self) -> Rejection {
        match self {
            Self::WrongTenant => Rejection::WrongTenant,
            _ => self
                .sessions()
                .map_or(Rejection::Unavailable, Rejection::SessionLimit),
        }
    }

    /// For the audit trail.
    fn reason(&self) -> &'static str {
        match self {
            Self::WrongTenant => "wrong_tenant",
            _ => self.sessions().map_or("unavailable", |_| "session_limit"),
        }
    }

    /// The sessions beside which there may be no other one.
    fn sessions(&self) -> Option<u64> {
        match self {
            Self::Sessions(SessionsError::Store(StoreError::SessionLimit { sessions })) => {
                Some(*sessions)
            }
            _ => None,
        }
    }
}

/// Obeys the token. `moves` is told what becomes of the session that the request is bound to: with `None` before the events
/// are obeyed, because it may end by this very answer, which must not be cut for that; and with the key of the one that there is
/// afterwards.
pub(crate) async fn obey(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    record: &mut Record,
    token: &[u8],
    moves: impl Fn(Option<SessionKey>) + Send,
) -> Outcome {
    let events = match opened(gateway, served, record, token) {
        Ok(events) => events,
        Err((refused, cause)) => {
            gateway.metrics.event("none", EventResult::Token(refused));
            warn!(
                request_id = &*record.request_id,
                upstream = &*served.app.name,
                cause,
                "session event refused"
            );
            return Outcome::untrusted();
        }
    };
    if let Err(refused) = served.app.events.check(&events) {
        gateway
            .metrics
            .event(refused.as_str(), EventResult::NotPermitted);
        warn!(request_id = &*record.request_id, upstream = &*served.app.name, cause = %refused, "session event refused");
        security::note(Kind::EventRefused, served.facts(record, refused.as_str()));
        return Outcome::untrusted();
    }
    let mut outcome = Outcome {
        had_event: true,
        is_believed: true,
        ..Outcome::default()
    };
    let mut subject = Subject::of(gateway, served).await;
    moves(None);
    for event in events {
        let kind = event.kind();
        let must_hold = matches!(kind, EventKind::Login | EventKind::Logout);
        match apply(gateway, served, record, &mut subject, event).await {
            Ok(cookie) => {
                gateway.metrics.event(kind.as_str(), EventResult::Done);
                outcome.cookie = cookie.or(outcome.cookie);
            }
            Err(not_done) => {
                gateway.metrics.event(kind.as_str(), EventResult::Failed);
                warn!(request_id = &*record.request_id, upstream = &*served.app.name, event = kind.as_str(), cause = %not_done, "session event not done");
                if kind == EventKind::Login {
                    let facts = Facts {
                        app: Some(&served.app.name),
                        ..record.facts(not_done.reason())
                    };
                    security::note(Kind::LoginFailed, facts);
                }
                if must_hold {
                    outcome.failed = Some(not_done.rejection());
                    return outcome;
                }
            }
        }
    }
    moves(subject.key.filter(|_| subject.user_id.is_some()));
    outcome
}

/// The events in the token; or why it is not believed, for the metric and in words.
fn opened(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    record: &Record,
    token: &[u8],
) -> Result<Vec<SessionEvent>, (TokenRefused, String)> {
    let keys = &served.app.keys;
    let request = Answered {
        request_id: &record.request_id,
        site: served.site(record).name.as_deref(),
    };
    let events = keys
        .open_event(token, request, gateway.now())
        .map_err(|refused| (refused, refused.to_string()))?;
    SessionEvent::parse_all(events).map_err(|refused| {
        let cause = refused.to_string();
        (refused.into(), cause)
    })
}

/// Whose session the events are about; a login changes it for those that follow.
struct Subject {
    key: Option<SessionKey>,
    user_id: Option<Text>,
}

impl Subject {
    async fn of(gateway: &Arc<Gateway>, served: &Served<'_>) -> Self {
        match served.state {
            State::Active(active) => {
                let session = active.entry.session();
                Self {
                    key: Some(session.key),
                    user_id: Some(session.identity.user_id().into()),
                }
            }
            // A sid can be ended even if its session was not looked up.
            State::None | State::Anonymous | State::Unknown => Self {
                key: served.visit.key_here(gateway).await,
                user_id: served.user.clone(),
            },
        }
    }
}

async fn apply(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    record: &mut Record,
    subject: &mut Subject,
    event: SessionEvent,
) -> Result<Option<HeaderValue>, NotDone> {
    match event {
        SessionEvent::Login(login) => {
            let created = log_in(gateway, served, record, subject.key, login).await?;
            adopt(gateway, served, record, subject, &created, How::Login)
        }
        SessionEvent::Logout(scope) => {
            if scope != LogoutScope::This && subject.user_id.is_none() {
                subject.user_id = owner(gateway, served, subject.key).await?;
            }
            logout::log_out(gateway, served, record, subject, scope).await
        }
        SessionEvent::Update(patch) => {
            let key = subject.key.ok_or(NotDone::NoSession)?;
            let owner = update(gateway, served, key, patch).await?;
            let facts = served.facts(record, "event").by_owner(&owner);
            security::note(Kind::Updated, facts);
            Ok(None)
        }
        SessionEvent::Reference(text) => {
            let key = subject.key.ok_or(NotDone::NoSession)?;
            update(gateway, served, key, IdentityPatch::of_reference(text)).await?;
            Ok(None)
        }
        SessionEvent::Rotate => {
            let key = subject.key.ok_or(NotDone::NoSession)?;
            let rotated = gateway.sessions.rotate(key).await?;
            let (created, before) = rotated.ok_or(NotDone::NoSession)?;
            risk::moved(gateway, before, &created.session);
            adopt(
                gateway,
                served,
                record,
                subject,
                &created,
                How::Rotation(before),
            )
        }
    }
}

/// Changes the session that the events are about; whose it is.
async fn update(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    key: SessionKey,
    patch: IdentityPatch,
) -> Result<Owner, NotDone> {
    let app = &served.app.name;
    let owner = gateway.sessions.update(key, app, patch).await?;
    owner.ok_or(NotDone::NoSession)
}

async fn log_in(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    record: &Record,
    replaces: Option<SessionKey>,
    login: LoginEvent,
) -> Result<Created, NotDone> {
    let config = &record.settings.config.session;
    let longest = config.absolute_timeout;
    if !served.visit.client.to.takes(login.identity.tenant_id()) {
        return Err(NotDone::WrongTenant);
    }
    let site = &served.site(record).config;
    let login = Login {
        group: site.group.clone(),
        site: site.name.clone(),
        limit: config.limit(login.identity.tenant_id()),
        identity: login.identity,
        reference: login.reference.map(|text| Reference {
            app: Text::from(&*served.app.name),
            text,
        }),
        ip: record.client,
        user_agent: served.visit.client.clipped_user_agent(),
        // An app may ask for a shorter life than the operator allows, not for a longer one.
        ttl: login.ttl.map_or(longest, |ttl| ttl.min(longest)),
        idle: config.idle_timeout,
        replaces,
        ends_with_browser: login.remember == Some(false),
    };
    let ticket = served.ticket.ok_or(NotDone::NoTicket)?;
    Ok(gateway.sessions.create(ticket, login).await?)
}

/// How a session came about.
enum How {
    /// A user logged in.
    Login,
    /// The session goes on under another sid and handle. This is its handle until now.
    Rotation(Uuid),
}

/// The browser gets the new sid, and later events are about the new session.
fn adopt(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    record: &mut Record,
    subject: &mut Subject,
    created: &Created,
    how: How,
) -> Result<Option<HeaderValue>, NotDone> {
    let session = &created.session;
    match how {
        How::Login => {
            gateway.metrics.created(labels::Created::Event);
            let facts = served.facts(record, "event").by_owner(session);
            security::note(Kind::Login, facts);
        }
        How::Rotation(before) => {
            let acting = Some(before);
            gateway.metrics.created(labels::Created::Rotate);
            let facts = served.facts(record, "rotate").by_owner(session);
            security::note(Kind::Rotated, Facts { acting, ..facts });
        }
    }
    *subject = Subject {
        key: Some(session.key),
        user_id: Some(session.identity.user_id().into()),
    };
    record.handle = Some(session.id);
    let now = gateway.sessions.clock().wall();
    set_cookie::issue(
        &served.site(record).config.cookie,
        &created.sid,
        session,
        now,
    )
    .map(Some)
    .ok_or(NotDone::Cookie)
}

/// Whose session it is that nobody looked up for this request. `None`: there is none, or nobody's.
async fn owner(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    key: Option<SessionKey>,
) -> Result<Option<Text>, NotDone> {
    let (State::None | State::Unknown, Some(key)) = (served.state, key) else {
        return Ok(None);
    };
    let group = &served.visit.client.to.group;
    match gateway
        .sessions
        .resolve_key(key, group, Query::default())
        .await
    {
        Resolution::Active(active) => Ok(Some(active.entry.session().identity.user_id().into())),
        Resolution::Absent(_) => Ok(None),
        Resolution::Unknown(why) => Err(NotDone::Unknown(why)),
    }
}
