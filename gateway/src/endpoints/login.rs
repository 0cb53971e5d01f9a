//! `POST /session-v2`: credentials in, a new session out.
//!
//! The order matters: the head is sampled before the backend looks at the credentials (DESIGN 5, R8), so that "log
//! everybody out" also ends the logins that were under way.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use session_core::service::{Created, Login, LoginTicket, SessionsError};
use session_core::session::{Identity, OverLimit, Session, SessionLimit};
use session_core::store::StoreError;
use sidgate_policy::auth::account::Account;
use sidgate_policy::edge::client_ip::network;
use sidgate_policy::edge::fields::{is_json, only};
use tracing::{debug, warn};

use self::question::{Question, is_failure, not_judged};
use super::{Caller, parting};
use crate::answer::set_cookie;
use crate::answer::{Answer, Rejection};
use crate::apps::backend::{Credentials, Fault, Refusal};
use crate::limits::logins::Factors;
use crate::risk::{self, Refused};
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels::{self, BackendResult, Shed};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Facts, Kind};
use crate::views::session::session_view;

mod admission;
mod question;

/// Longest wait for a network to be remembered.
const NOTE_TIMEOUT: Duration = Duration::from_millis(250);
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
    /// Whether the cookie stays when the browser is closed.
    #[serde(default = "yes")]
    remember: bool,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

const fn yes() -> bool {
    true
}

/// A login that is fit to be judged.
struct Parsed {
    credentials: Credentials,
    wishes: Wishes,
}

/// What somebody who logs in wants of the session.
#[derive(Clone, Copy)]
struct Wishes {
    end_others: bool,
    remember: bool,
}

/// `415` for anything but JSON: a plain HTML form on another site can only send other types.
///
/// # Errors
/// The answer to give instead of reading the body.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    match only(headers, &CONTENT_TYPE) {
        Some(content_type) if is_json(content_type) => Ok(()),
        _ => Err(Rejection::NotJson),
    }
}

/// Logs in.
pub(crate) async fn login(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
    body: &Bytes,
) -> Answer {
    let form = match parse(body, caller.client()) {
        Ok(form) => form,
        Err(invalid) => return invalid.into(),
    };
    let account = Account::new(&form.credentials.email);
    let factors = factors(&form.credentials);
    let attempt = match admission::admit(gateway, settings, caller, &account, factors).await {
        Ok(attempt) => attempt,
        Err(refused) => return *refused,
    };
    let Some(turn) = settings
        .login_limits
        .turns
        .wait(settings.config.backend.timeout)
        .await
    else {
        gateway.metrics.shed(Shed::Login);
        return Answer::overloaded(&caller.client().request_id);
    };
    let ticket = match gateway.sessions.begin_login().await {
        Ok(ticket) => ticket,
        Err(failed) => return not_committed(caller, &failed),
    };
    let question = Question {
        credentials: form.credentials,
        factors,
        attempt,
        turn,
    };
    let verdict = question.ask(gateway, settings, caller.client()).await;
    let digest = settings.log_key.digest(&account);
    let facts = |reason| Facts {
        account: Some(&digest),
        ..caller.client().facts(reason)
    };
    let created = match verdict {
        Ok(Ok((identity, reference))) => {
            gateway.metrics.backend(BackendResult::Accepted);
            let login = Login {
                reference,
                replaces: caller.visit.key_here(gateway).await,
                ..login_of(settings, caller, identity, form.wishes)
            };
            commit(gateway, caller, ticket, login, form.wishes).await
        }
        Ok(Err(rejected)) => {
            let answer = reject(gateway, settings, caller, factors, rejected.why);
            Err(Box::new(answer))
        }
        Err(failed) => {
            gateway.metrics.backend(BackendResult::Unavailable);
            let server = failed.server.as_deref();
            not_judged(settings, caller.client(), server, &failed.fault);
            return Answer::unavailable();
        }
    };
    match created {
        Ok(created) => {
            note_network(gateway, caller, &account, &created.session).await;
            security::note(Kind::Login, facts("password").by_owner(&created.session));
            welcome(gateway, settings, caller, &created)
        }
        Err(answer) => {
            security::note(Kind::LoginFailed, facts(answer.outcome.into_str()));
            *answer
        }
    }
}

/// Remembers the network that the account logs in from, so that failures of strangers do not lock it out. If that
/// fails, the login still counts.
async fn note_network(gateway: &Gateway, caller: &Caller, account: &Account, session: &Session) {
    let user_id = session.identity.user_id();
    let noted = gateway
        .sessions
        .note_login(account.as_str(), network(caller.client().ip), user_id);
    match tokio::time::timeout(NOTE_TIMEOUT, noted).await {
        Ok(Ok(())) => {}
        Ok(Err(failed)) => {
            debug!(cause = %failed, "the network of a login is not remembered");
            gateway.metrics.login_unnoted();
        }
        // The write goes on in the background.
        Err(_elapsed) => {}
    }
}

/// Whether the form has a field that may be a guess at another factor. A switch such as "remember me" is not one.
fn factors(credentials: &Credentials) -> Factors {
    let is_switch = |value: &Value| value.is_null() || value.is_boolean();
    if credentials.extra.values().all(is_switch) {
        Factors::Password
    } else {
        Factors::More
    }
}

fn too_many(seconds: u64) -> Answer {
    Answer::problem(429, Outcome::Locked, "Too many attempts, try again later")
        .with(RETRY_AFTER, HeaderValue::from(seconds))
}

/// Reads the form.
///
/// # Errors
/// When it is not of the documented shape.
fn parse(body: &[u8], client: &Client) -> Result<Parsed, Rejection> {
    let invalid = || {
        Rejection::invalid(
            "email and password must be non-empty strings in a JSON object; end_others and remember true or false",
        )
    };
    let Form {
        email,
        password,
        end_others,
        remember,
        mut extra,
    } = serde_json::from_slice(body).map_err(|_error| invalid())?;
    let fits = |text: &str| (1..=FIELD_MAX).contains(&text.len());
    if !fits(&email) || !fits(&password) {
        return Err(invalid());
    }
    // The client must not set fields that the gateway vouches for.
    extra.remove("ip");
    extra.remove("user_agent");
    let credentials = Credentials {
        email,
        password,
        ip: client.ip,
        user_agent: client.clipped_user_agent(),
        extra,
    };
    Ok(Parsed {
        credentials,
        wishes: Wishes {
            end_others,
            remember,
        },
    })
}

/// The session that this user is to get.
fn login_of(settings: &ActiveConfig, caller: &Caller, identity: Identity, wishes: Wishes) -> Login {
    let site = &caller.site(settings).config;
    Login {
        group: site.group.clone(),
        site: site.name.clone(),
        limit: limit(settings, &identity, wishes.end_others),
        identity,
        reference: None,
        ip: Some(caller.client().ip),
        user_agent: caller.client().clipped_user_agent(),
        ttl: settings.config.session.absolute_timeout,
        idle: settings.config.session.idle_timeout,
        replaces: None,
        ends_with_browser: !wishes.remember,
    }
}

/// How many sessions this user may have. Ending all others is a limit of one.
fn limit(settings: &ActiveConfig, identity: &Identity, end_others: bool) -> Option<SessionLimit> {
    if end_others {
        return Some(SessionLimit {
            max: NonZeroU32::MIN,
            over: OverLimit::EvictOldest,
        });
    }
    settings.config.session.limit(identity.tenant_id())
}

async fn commit(
    gateway: &Gateway,
    caller: &Caller,
    ticket: LoginTicket,
    login: Login,
    wishes: Wishes,
) -> Result<Created, Box<Answer>> {
    if !caller.client().to.takes(login.identity.tenant_id()) {
        return Err(Box::new(Rejection::WrongTenant.into()));
    }
    let limit = login.limit;
    if wishes.end_others {
        // First, so that none of them becomes a session between the two steps.
        let user_id = login.identity.user_id();
        let ended = gateway.sessions.end_old_logins(user_id, &login.group).await;
        ended.map_err(|failed| Box::new(not_committed(caller, &failed)))?;
    }
    match gateway.sessions.create(ticket, login).await {
        Ok(created) => Ok(created),
        Err(SessionsError::Store(StoreError::SessionLimit { sessions })) => {
            gateway.metrics.refused(labels::Refusal::SessionLimit);
            Err(Box::new(session_limit(sessions, limit)))
        }
        Err(failed) => Err(Box::new(not_committed(caller, &failed))),
    }
}

fn welcome(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    created: &Created,
) -> Answer {
    let session = &created.session;
    gateway.metrics.created(labels::Created::Login);
    caller.saw("store", Some(session));
    let answer = Answer::json(
        201,
        Outcome::Login,
        &session_view(session, session.last_activity),
    );
    let began = session.created_at;
    match set_cookie::issue(
        &caller.site(settings).config.cookie,
        &created.sid,
        session,
        began,
    ) {
        Some(cookie) => {
            let answer = answer.with_cookie(cookie);
            let cleared = caller.visit.cleared_by_login(settings);
            parting(answer, gateway, settings, cleared.as_ref())
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
        Outcome::SessionLimit,
        "There are too many sessions",
        &members,
    )
}

fn not_committed(caller: &Caller, failed: &SessionsError) -> Answer {
    warn!(request_id = &*caller.client().request_id, cause = %failed, "login not committed");
    Answer::unavailable()
}

fn reject(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    factors: Factors,
    why: Refusal,
) -> Answer {
    if is_failure(&why, factors) {
        risk::refused(gateway, settings, Refused::Login, caller.client());
    }
    gateway.metrics.backend(match why {
        Refusal::Unreadable(_) => BackendResult::Unavailable,
        _ => BackendResult::Rejected,
    });
    match why {
        Refusal::InvalidCredentials => Answer::problem(
            401,
            Outcome::InvalidCredentials,
            "Account name or password is wrong",
        ),
        Refusal::MfaRequired(flows) => {
            let members = json!({ "flows": flows });
            Answer::problem_with(
                401,
                Outcome::MfaRequired,
                "Another factor is required",
                &members,
            )
        }
        Refusal::AccountDisabled => {
            Answer::problem(403, Outcome::AccountDisabled, "The account is disabled")
        }
        Refusal::Locked(seconds) => too_many(seconds),
        Refusal::Unreadable(status) => {
            not_judged(settings, caller.client(), None, &Fault::Refusal(status));
            Answer::unavailable()
        }
    }
}

#[cfg(test)]
mod tests;
