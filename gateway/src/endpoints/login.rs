//! `POST /session-v2`: credentials in, a new session out.
//!
//! The order matters: the head is sampled before the backend looks at the credentials (DESIGN 5, R8), so that "log
//! everybody out" also ends the logins that were under way.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use session_core::service::{Created, Login, LoginTicket, SessionsError};
use session_core::session::{Identity, OverLimit, SessionLimit};
use session_core::store::StoreError;
use tracing::warn;

use super::view::session_view;
use super::{Asker, parting};
use crate::answer::Answer;
use crate::backend::{BackendError, Credentials, Rejected, Verdict};
use crate::buckets::TooMany;
use crate::gate::Gate;
use crate::login_limits::Turn;
use crate::risk::{self, Refused};
use crate::set_cookie;
use crate::site::Site;
use crate::telemetry::security::{self, Facts, Kind};

/// Largest login request, in bytes.
pub(crate) const BODY_MAX: usize = 16 * 1024;
/// Longest account name and password, in bytes.
const FIELD_MAX: usize = 1_024;

/// What a login form sends. Further members go to the backend as they are.
#[derive(Deserialize)]
struct Form {
    email: String,
    password: String,
    /// Whether this login ends all others of the user: what somebody can do whose login was denied at the limit.
    #[serde(default)]
    end_others: bool,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// A login that is fit to be judged.
struct Attempt {
    credentials: Credentials,
    end_others: bool,
}

/// `415` for anything but JSON: a plain HTML form on another site can only send other types.
///
/// # Errors
/// The answer to give instead of reading the body.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Box<Answer>> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_json = |value: &HeaderValue| {
        let kind = value
            .as_bytes()
            .split(|&byte| byte == b';')
            .next()
            .unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    };
    match (types.next(), types.next()) {
        (Some(only), None) if is_json(only) => Ok(()),
        _ => Err(Box::new(Answer::problem(
            415,
            "unsupported_media_type",
            "Content-Type must be application/json",
        ))),
    }
}

/// Logs in.
pub(crate) async fn login(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    asker: &Asker,
    body: &Bytes,
) -> Answer {
    let Some(Attempt {
        credentials,
        end_others,
    }) = parse(body, asker)
    else {
        return Answer::invalid("email and password must be non-empty strings in a JSON object");
    };
    let account = site.log_key.digest(&credentials.email);
    let facts = |reason| Facts {
        account: Some(&account),
        ..asker.facts(reason)
    };
    match within_limits(gate, site, asker, &credentials.email).await {
        Ok(Ok(())) => {}
        Ok(Err(wait)) => {
            gate.metrics.refused("login_limit");
            risk::refused(gate, site, Refused::Login, (asker.ip, &asker.request_id));
            security::note(Kind::LoginLimited, facts("login_limit"));
            return too_many(wait.0);
        }
        Err(failed) => return not_committed(asker, &failed),
    }
    let Some(turn) = site.login_limits.turn(site.config.backend.timeout).await else {
        gate.metrics.shed("login");
        return Answer::overloaded(&asker.request_id);
    };
    let ticket = match gate.sessions.begin_login().await {
        Ok(ticket) => ticket,
        Err(failed) => return not_committed(asker, &failed),
    };
    match ask_backend(gate, site, asker, credentials, turn).await {
        Ok(Ok((identity, reference))) => {
            gate.metrics.backend("accepted");
            let login = Login {
                limit: limit(site, &identity, end_others),
                identity,
                reference,
                ip: Some(asker.ip),
                user_agent: asker.user_agent.clone(),
                ttl: site.config.session.absolute_timeout,
                idle: site.config.session.idle_timeout,
                replaces: asker.key(gate),
            };
            match commit(gate, asker, ticket, login, end_others).await {
                Ok(created) => {
                    security::note(Kind::Login, facts("password").by_owner(&created.session));
                    welcome(gate, site, asker, &created)
                }
                Err(answer) => {
                    security::note(Kind::LoginFailed, facts(answer.outcome));
                    *answer
                }
            }
        }
        Ok(Err(rejected)) => {
            // Whoever is asked for another factor had the password right.
            if !matches!(rejected, Rejected::MfaRequired(_)) {
                risk::refused(gate, site, Refused::Login, (asker.ip, &asker.request_id));
            }
            let answer = reject(gate, rejected);
            security::note(Kind::LoginFailed, facts(answer.outcome));
            answer
        }
        Err(failed) => {
            gate.metrics.backend("unavailable");
            warn!(request_id = asker.request_id, error = %failed, "login not possible");
            Answer::unavailable()
        }
    }
}

/// The client's limit holds for everybody. The account's does not for a browser that this account has used before.
///
/// # Errors
/// When the store cannot say whether it is one.
async fn within_limits(
    gate: &Gate,
    site: &Site,
    asker: &Asker,
    account: &str,
) -> Result<Result<(), TooMany>, SessionsError> {
    if let Err(wait) = site.login_limits.client(asker.ip) {
        return Ok(Err(wait));
    }
    let Err(wait) = site.login_limits.account(account) else {
        return Ok(Ok(()));
    };
    let Some(key) = asker.key(gate) else {
        return Ok(Err(wait));
    };
    // Whether this browser is known cannot be said when the store cannot be asked: that is neither a yes nor a no.
    let owner = gate.sessions.owner(key).await?;
    let email = owner
        .as_ref()
        .map(Identity::to_value)
        .as_ref()
        .and_then(|identity| identity.pointer("/user/email"))
        .and_then(Value::as_str)
        .map(str::to_lowercase);
    let known = email.as_deref() == Some(account.trim().to_lowercase().as_str());
    Ok(if known { Ok(()) } else { Err(wait) })
}

fn too_many(seconds: u64) -> Answer {
    Answer::problem(429, "locked", "Too many attempts, try again later")
        .with(RETRY_AFTER, HeaderValue::from(seconds))
}

fn parse(body: &[u8], asker: &Asker) -> Option<Attempt> {
    let Form {
        email,
        password,
        end_others,
        mut extra,
    } = serde_json::from_slice(body).ok()?;
    let fits = |text: &str| (1..=FIELD_MAX).contains(&text.len());
    if !fits(&email) || !fits(&password) {
        return None;
    }
    // What the gateway vouches for cannot be said by the client.
    extra.remove("ip");
    extra.remove("user_agent");
    let credentials = Credentials {
        email,
        password,
        ip: asker.ip,
        user_agent: asker.user_agent.clone(),
        extra,
    };
    Some(Attempt {
        credentials,
        end_others,
    })
}

/// How many sessions this user may have. Ending all others is a limit of one.
fn limit(site: &Site, identity: &Identity, end_others: bool) -> Option<SessionLimit> {
    if end_others {
        return Some(SessionLimit {
            max: NonZeroU32::MIN,
            over: OverLimit::EvictOldest,
        });
    }
    site.config.session.limit(identity.tenant_id())
}

/// On the core runtime, where the client's connections live.
async fn ask_backend(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    asker: &Asker,
    credentials: Credentials,
    turn: Turn,
) -> Result<Verdict, BackendError> {
    let (backend, site, request_id, now) = (
        gate.backend.clone(),
        Arc::clone(site),
        asker.request_id.clone(),
        gate.now(),
    );
    let call = async move {
        let verdict = backend
            .authenticate(&site, &credentials, &request_id, now)
            .await;
        // Held also when the client has gone meanwhile: the app goes on.
        drop(turn);
        verdict
    };
    gate.core
        .spawn(call)
        .await
        .unwrap_or(Err(BackendError::Unavailable("interrupted")))
}

async fn commit(
    gate: &Gate,
    asker: &Asker,
    ticket: LoginTicket,
    login: Login,
    end_others: bool,
) -> Result<Created, Box<Answer>> {
    let limit = login.limit;
    if end_others {
        // First, so that none of them becomes a session between the two steps.
        let user_id = login.identity.user_id();
        let ended = gate.sessions.end_old_logins(user_id).await;
        ended.map_err(|failed| Box::new(not_committed(asker, &failed)))?;
    }
    match gate.sessions.create(ticket, login).await {
        Ok(created) => Ok(created),
        Err(SessionsError::Store(StoreError::SessionLimit { sessions })) => {
            gate.metrics.refused("session_limit");
            Err(Box::new(session_limit(sessions, limit)))
        }
        Err(failed) => Err(Box::new(not_committed(asker, &failed))),
    }
}

fn welcome(gate: &Gate, site: &Site, asker: &Asker, created: &Created) -> Answer {
    let session = &created.session;
    gate.metrics.created("login");
    asker.saw("store", Some(session));
    let answer = Answer::json(201, "login", &session_view(session, session.last_activity));
    match set_cookie::issue(
        &site.config.cookie,
        &created.sid,
        site.config.session.absolute_timeout,
    ) {
        Some(cookie) => {
            let answer = answer.with_cookie(cookie);
            let farewell = asker.offer.as_deref().and_then(|offer| offer.parting(site));
            match farewell {
                Some(farewell) => parting(answer, gate, site, &farewell),
                None => answer,
            }
        }
        None => Answer::unavailable(),
    }
}

/// Says how many sessions there are, and how to log in all the same.
fn session_limit(sessions: u64, limit: Option<SessionLimit>) -> Answer {
    let members = json!({
        "sessions": sessions,
        "limit": limit.map(|limit| limit.max),
        "offers": ["end_others"],
        "detail": "Log in with \"end_others\": true to end all other sessions",
    });
    Answer::problem_with(
        409,
        "session_limit",
        "There are too many sessions",
        &members,
    )
}

fn not_committed(asker: &Asker, failed: &SessionsError) -> Answer {
    warn!(request_id = asker.request_id, error = %failed, "login not committed");
    Answer::unavailable()
}

fn reject(gate: &Gate, rejected: Rejected) -> Answer {
    gate.metrics.backend("rejected");
    match rejected {
        Rejected::InvalidCredentials => Answer::problem(
            401,
            "invalid_credentials",
            "Account name or password is wrong",
        ),
        Rejected::MfaRequired(flows) => {
            let members = json!({ "flows": flows.unwrap_or_else(|| json!([])) });
            Answer::problem_with(401, "mfa_required", "Another factor is required", &members)
        }
        Rejected::AccountDisabled => {
            Answer::problem(403, "account_disabled", "The account is disabled")
        }
        Rejected::Locked(seconds) => too_many(seconds),
    }
}

#[cfg(test)]
mod tests;
