//! `POST /authz/event`: an app answers a request that an edge has sent it with an event, as it would in `X-Session-Event` behind the
//! proxy, and passes the cookies that come back on to the browser.
//!
//! The id of the request names app and host and counts once, on whichever node. The assertion that came with the request names the
//! session. What asks is the app itself, so the old cookies of the browser are not known here.

use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use session_core::service::{Query, Resolution};
use session_core::session::Text;
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::State;
use sidgate_policy::edge::client_ip;
use sidgate_policy::edge::fields::{self, only};
use sidgate_policy::edge::identity_headers::{ASSERTION, EVENT};

use super::issued::{self, Issued};
use super::question::FORWARDED_HOST;
use crate::answer::{Answer, Rejection};
use crate::apps::app::App;
use crate::passage::Record;
use crate::passage::event::{self, Outcome, Served};
use crate::passage::record::REQUEST_ID;
use crate::state::{ActiveConfig, Addressed, Gateway};
use crate::telemetry::questions::NoQuestion;
use crate::visit::Visit;

/// Does what the event says. The answer has the cookies.
///
/// # Errors
/// Why it is no question.
pub(super) async fn serve(
    gateway: &Arc<Gateway>,
    record: &mut Record,
    headers: &HeaderMap,
) -> Result<Answer, NoQuestion> {
    let settings = Arc::clone(&record.settings);
    let token = only(headers, &EVENT).ok_or(NoQuestion::Incomplete)?.clone();
    let host = only(headers, &FORWARDED_HOST).ok_or(NoQuestion::Incomplete)?;
    let id = only(headers, &REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = id.ok_or(NoQuestion::Incomplete)?;
    let host = settings.edge.hosts.named(host.as_bytes());
    let host = host.ok_or(NoQuestion::RequestId)?;
    let (app, issued) = issued(&settings, id, &host).ok_or(NoQuestion::RequestId)?;
    if !issued.is_recent(gateway.sessions.clock().wall()) {
        return Err(NoQuestion::RequestId);
    }
    let site = settings.site(host.site());
    let to = Addressed::at(site, &host);
    record.site = Some(host.site());
    record.client = client_ip::behind(None, headers, &settings.config.server.trusted_proxies);
    record.take_request_id(headers);
    let shown = match fields::Field::find(headers, &ASSERTION) {
        fields::Field::Absent => None,
        fields::Field::Several => return Err(NoQuestion::Incomplete),
        fields::Field::One(shown) => {
            let now = gateway.now();
            let life = i64::try_from(issued::LIFE.as_secs()).unwrap_or(i64::MAX);
            let shown = app.keys.open_assertion(shown.as_bytes(), now, life);
            let shown = shown.filter(|shown| shown.site.as_deref() == site.name.as_deref());
            Some(shown.ok_or(NoQuestion::RequestId)?)
        }
    };
    match gateway.sessions.redeem(id).await {
        Ok(true) => {}
        Ok(false) => return Err(NoQuestion::Replayed),
        Err(_failed) => return Ok(Answer::unavailable()),
    }
    let client = record.client(headers, to);
    let (handle, user) = shown.map_or((None, None), |shown| (shown.sid, shown.sub));
    let subject = match handle {
        None => Ok((None, State::Anonymous)),
        Some(handle) => subject(gateway, handle, &client.to).await,
    };
    let Ok((key, state)) = subject else {
        return Ok(Answer::unavailable());
    };
    let visit = Visit::of_session(client, key);
    let served = Served {
        app,
        state: &state,
        visit: &visit,
        // The session may have ended meanwhile. Whose it was is known all the same.
        user: user.map(Text::from),
        ticket: issued.ticket,
    };
    let outcome = event::obey(gateway, &served, record, token.as_bytes(), |_moves| {}).await;
    Ok(answer(gateway, record, outcome))
}

/// The app that got a request of this id.
fn issued<'s>(settings: &'s ActiveConfig, id: &str, host: &str) -> Option<(&'s Arc<App>, Issued)> {
    settings.apps().find_map(|app| {
        let issued = Issued::open(&settings.request_ids, id, (&app.name, host))?;
        Some((app, issued))
    })
}

/// The session of a handle.
///
/// # Errors
/// When it is not known whether there is one.
async fn subject(
    gateway: &Gateway,
    handle: uuid::Uuid,
    to: &Addressed,
) -> Result<(Option<SessionKey>, State), ()> {
    let found = gateway.sessions.find(handle).await.map_err(|_failed| ())?;
    let Some(stored) = found else {
        return Ok((None, State::Anonymous));
    };
    let key = stored.session.key;
    let query = Query::default();
    let found = gateway.sessions.resolve_key(key, &to.group, query).await;
    match to.judge(found) {
        Resolution::Active(active) => Ok((Some(key), State::Active(active))),
        Resolution::Absent(_) => Ok((None, State::Anonymous)),
        Resolution::Unknown(_) => Err(()),
    }
}

/// What the app passes on.
fn answer(gateway: &Gateway, record: &mut Record, outcome: Outcome) -> Answer {
    let Outcome {
        failed,
        cookie,
        is_believed,
        ..
    } = outcome;
    if let Some(why) = failed {
        return why.into();
    }
    if !is_believed {
        return Rejection::invalid("The event is not believed, or not permitted").into();
    }
    let is_decided = cookie.is_some();
    let changes = record.cookie_changes.take().map(|mut changes| {
        changes.keep_back();
        changes.lines(gateway, &record.settings, !is_decided)
    });
    let lines = cookie.into_iter().chain(changes.into_iter().flatten());
    let done = Answer::no_content(crate::telemetry::outcome::Outcome::EventDone);
    lines.fold(done, |answer, line: HeaderValue| {
        answer.with(SET_COOKIE, line)
    })
}
