//! Obeys an app's `X-Session-Event`: verified, bound to the request it answers, applied in order.

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

use super::ctx::{Ctx, Forward};
use crate::answer::{Rejection, set_cookie};
use crate::risk;
use crate::state::Gateway;
use crate::telemetry::labels::{self, EventResult};
use crate::telemetry::security::{self, Facts, Kind};

mod logout;

/// The result of an event.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The answer had an event, believed or not: it must not be cached.
    pub(super) had_event: bool,
    /// A login or a logout could not be committed, and why.
    pub(super) failed: Option<Rejection>,
    /// The final decision about the session cookie.
    pub(super) cookie: Option<HeaderValue>,
}

impl Outcome {
    /// The app sent an event that was not accepted.
    pub(super) fn untrusted() -> Self {
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

pub(super) async fn obey(
    gateway: &Gateway,
    forward: &Forward,
    ctx: &mut Ctx,
    token: &[u8],
) -> Outcome {
    let events = match opened(gateway, forward, ctx, token) {
        Ok(events) => events,
        Err((refused, cause)) => {
            gateway.metrics.event("none", EventResult::Token(refused));
            warn!(
                request_id = &*ctx.request_id,
                upstream = &*forward.app.name,
                cause,
                "session event refused"
            );
            return Outcome::untrusted();
        }
    };
    if let Err(refused) = forward.app.events.check(&events) {
        gateway
            .metrics
            .event(refused.as_str(), EventResult::NotPermitted);
        warn!(request_id = &*ctx.request_id, upstream = &*forward.app.name, cause = %refused, "session event refused");
        security::note(Kind::EventRefused, forward.facts(ctx, refused.as_str()));
        return Outcome::untrusted();
    }
    let mut outcome = Outcome {
        had_event: true,
        ..Outcome::default()
    };
    let at = &forward.visit.client.to;
    let mut subject = Subject::of(gateway, forward).await;
    // The session may end by this very answer, which must not be cut for that.
    let watch = ctx.watch.clone();
    if let Some(watch) = &watch {
        watch.moves_to(None, at);
    }
    for event in events {
        let kind = event.kind();
        let must_hold = matches!(kind, EventKind::Login | EventKind::Logout);
        match apply(gateway, forward, ctx, &mut subject, event).await {
            Ok(cookie) => {
                gateway.metrics.event(kind.as_str(), EventResult::Done);
                outcome.cookie = cookie.or(outcome.cookie);
            }
            Err(not_done) => {
                gateway.metrics.event(kind.as_str(), EventResult::Failed);
                warn!(request_id = &*ctx.request_id, upstream = &*forward.app.name, event = kind.as_str(), cause = %not_done, "session event not done");
                if kind == EventKind::Login {
                    let facts = Facts {
                        app: Some(&forward.app.name),
                        ..ctx.facts(not_done.reason())
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
    if let Some(watch) = watch {
        watch.moves_to(subject.key.filter(|_| subject.user_id.is_some()), at);
    }
    outcome
}

/// The events in the token; or why it is not believed, for the metric and in words.
fn opened(
    gateway: &Gateway,
    forward: &Forward,
    ctx: &Ctx,
    token: &[u8],
) -> Result<Vec<SessionEvent>, (TokenRefused, String)> {
    let keys = &forward.app.keys;
    let request = Answered {
        request_id: &ctx.request_id,
        site: forward.site(ctx).name.as_deref(),
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
    async fn of(gateway: &Gateway, forward: &Forward) -> Self {
        match &forward.state {
            State::Active(active) => {
                let session = active.entry.session();
                Self {
                    key: Some(session.key),
                    user_id: Some(session.identity.user_id().into()),
                }
            }
            // A sid can be ended even if its session was not looked up.
            State::None | State::Anonymous | State::Unknown => Self {
                key: forward.visit.key_here(gateway).await,
                user_id: None,
            },
        }
    }
}

async fn apply(
    gateway: &Gateway,
    forward: &Forward,
    ctx: &mut Ctx,
    subject: &mut Subject,
    event: SessionEvent,
) -> Result<Option<HeaderValue>, NotDone> {
    match event {
        SessionEvent::Login(login) => {
            let created = log_in(gateway, forward, ctx, subject.key, login).await?;
            adopt(gateway, forward, ctx, subject, &created, How::Login)
        }
        SessionEvent::Logout(scope) => {
            if scope != LogoutScope::This && subject.user_id.is_none() {
                subject.user_id = owner(gateway, forward, subject.key).await?;
            }
            logout::log_out(gateway, forward, ctx, subject, scope).await
        }
        SessionEvent::Update(patch) => {
            let key = subject.key.ok_or(NotDone::NoSession)?;
            let owner = update(gateway, forward, key, patch).await?;
            let facts = forward.facts(ctx, "event").by_owner(&owner);
            security::note(Kind::Updated, facts);
            Ok(None)
        }
        SessionEvent::Reference(text) => {
            let key = subject.key.ok_or(NotDone::NoSession)?;
            update(gateway, forward, key, IdentityPatch::of_reference(text)).await?;
            Ok(None)
        }
        SessionEvent::Rotate => {
            let key = subject.key.ok_or(NotDone::NoSession)?;
            let rotated = gateway.sessions.rotate(key).await?;
            let (created, before) = rotated.ok_or(NotDone::NoSession)?;
            risk::moved(gateway, before, &created.session);
            adopt(
                gateway,
                forward,
                ctx,
                subject,
                &created,
                How::Rotation(before),
            )
        }
    }
}

/// Changes the session that the events are about; whose it is.
async fn update(
    gateway: &Gateway,
    forward: &Forward,
    key: SessionKey,
    patch: IdentityPatch,
) -> Result<Owner, NotDone> {
    let app = &forward.app.name;
    let owner = gateway.sessions.update(key, app, patch).await?;
    owner.ok_or(NotDone::NoSession)
}

async fn log_in(
    gateway: &Gateway,
    forward: &Forward,
    ctx: &Ctx,
    replaces: Option<SessionKey>,
    login: LoginEvent,
) -> Result<Created, NotDone> {
    let config = &ctx.settings.config.session;
    let longest = config.absolute_timeout;
    if !forward.visit.client.to.takes(login.identity.tenant_id()) {
        return Err(NotDone::WrongTenant);
    }
    let site = &forward.site(ctx).config;
    let login = Login {
        group: site.group.clone(),
        site: site.name.clone(),
        limit: config.limit(login.identity.tenant_id()),
        identity: login.identity,
        reference: login.reference.map(|text| Reference {
            app: Text::from(&*forward.app.name),
            text,
        }),
        ip: ctx.client,
        user_agent: forward.visit.client.clipped_user_agent(),
        // An app may ask for a shorter life than the operator allows, not for a longer one.
        ttl: login.ttl.map_or(longest, |ttl| ttl.min(longest)),
        idle: config.idle_timeout,
        replaces,
        ends_with_browser: login.remember == Some(false),
    };
    let ticket = forward.ticket.ok_or(NotDone::NoTicket)?;
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
    gateway: &Gateway,
    forward: &Forward,
    ctx: &mut Ctx,
    subject: &mut Subject,
    created: &Created,
    how: How,
) -> Result<Option<HeaderValue>, NotDone> {
    let session = &created.session;
    match how {
        How::Login => {
            gateway.metrics.created(labels::Created::Event);
            let facts = forward.facts(ctx, "event").by_owner(session);
            security::note(Kind::Login, facts);
        }
        How::Rotation(before) => {
            let acting = Some(before);
            gateway.metrics.created(labels::Created::Rotate);
            let facts = forward.facts(ctx, "rotate").by_owner(session);
            security::note(Kind::Rotated, Facts { acting, ..facts });
        }
    }
    *subject = Subject {
        key: Some(session.key),
        user_id: Some(session.identity.user_id().into()),
    };
    ctx.handle = Some(session.id);
    let now = gateway.sessions.clock().wall();
    set_cookie::issue(&forward.site(ctx).config.cookie, &created.sid, session, now)
        .map(Some)
        .ok_or(NotDone::Cookie)
}

/// Whose session it is that nobody looked up for this request. `None`: there is none, or nobody's.
async fn owner(
    gateway: &Gateway,
    forward: &Forward,
    key: Option<SessionKey>,
) -> Result<Option<Text>, NotDone> {
    let (State::None | State::Unknown, Some(key)) = (&forward.state, key) else {
        return Ok(None);
    };
    let group = &forward.visit.client.to.group;
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
