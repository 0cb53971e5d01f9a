//! `GET /events`: what becomes of the session of the cookie, as it happens (server-sent events).
//!
//! A feed belongs to the request that opened it and ends with it, with its session, or with the process. It asks the
//! session service again when it is told that its session may have changed, so the end of a session reaches its pages at
//! once, and what becomes of others wakes none of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use session_core::cache::Entry;
use session_core::clock::{Boot, Timestamp};
use session_core::service::{Absence, Follow, Query};
use session_core::session::{Dead, RevokeReason};

use super::Caller;
use crate::answer::{Rejection, ended_code};
use crate::limits::rounds::{Bound, Member};
use crate::limits::streams::{Holder, Kind, Room, StreamPermit};
use crate::state::{ActiveConfig, Addressed, Gateway};
use crate::views::session::{rfc3339, session_view};

/// How long before its end a session is said to expire; no more than a tenth of its time.
const NOTICE: Duration = Duration::from_secs(5 * 60);
/// The first bytes: when to reconnect after a break, and that the stream is open.
const OPENING: &str = "retry: 2000\n: session events\n\n";

/// The events of one session.
#[derive(Debug)]
pub(crate) struct Feed {
    gateway: Arc<Gateway>,
    entry: Arc<Entry>,
    at: Addressed,
    bell: Member,
    spoke: Option<Boot>,
    /// The end that was announced last.
    announced: Option<Timestamp>,
    over: bool,
}

/// Opens the feed of whoever asks, and takes a place for it.
pub(crate) async fn open(
    gateway: &Arc<Gateway>,
    settings: &ActiveConfig,
    caller: &Caller,
) -> Result<(Feed, StreamPermit), Rejection> {
    // An open page does not count as use of the session.
    let query = Query {
        counts_as_use: false,
        ..Query::default()
    };
    let entry = caller.session(gateway, settings, query).await?.entry;
    let holder = Holder {
        session: Some(entry.session().key),
        client: caller.client().ip,
    };
    let room = Room::of(Kind::Events, &settings.config);
    let permit = gateway.streams.enter(Kind::Events, holder, room);
    let permit = permit.map_err(|full| {
        gateway.metrics.refused(full);
        Rejection::TooManyStreams(full)
    })?;
    let feed = Feed {
        gateway: Arc::clone(gateway),
        entry,
        at: caller.client().to.clone(),
        bell: gateway.rounds.enter(),
        spoke: None,
        announced: None,
        over: false,
    };
    Ok((feed, permit))
}

impl Feed {
    /// What is to be sent next; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let said = self.next_text().await?;
        self.spoke = Some(self.now());
        Some(said.into())
    }

    async fn next_text(&mut self) -> Option<String> {
        if self.spoke.is_none() {
            return Some(OPENING.to_owned());
        }
        loop {
            if self.over || self.gateway.is_draining() {
                return None;
            }
            if let Some(said) = self.look().await {
                return Some(said);
            }
            // Neither side nor a proxy between them is to take silence for the end.
            let heartbeat = self.gateway.settings.get().config.endpoints.heartbeat;
            let (now, spoke) = (self.now(), self.spoke.unwrap_or_default());
            if now.since(spoke) >= heartbeat {
                return Some(": still here\n\n".to_owned());
            }
            self.bell.bind(Some(Bound {
                key: self.entry.session().key,
                known: Some(Arc::clone(&self.entry)),
            }));
            let notice = now.plus(self.until_notice());
            self.bell.wait_until(spoke.plus(heartbeat).min(notice));
            self.bell.rung().await;
        }
    }

    async fn look(&mut self) -> Option<String> {
        let key = self.entry.session().key;
        let followed = self
            .gateway
            .sessions
            .follow(&key, &self.at.group, Some(&self.entry));
        // Apart, because a stream that sleeps would hold its place.
        match Box::pin(followed).await {
            Follow::Ended(why) => {
                self.over = true;
                Some(event("revoked", &ended(why)))
            }
            Follow::Alive(entry) if !self.at.takes_session(entry.session()) => {
                self.over = true;
                Some(event("revoked", &ended(Absence::OtherTenant)))
            }
            Follow::Alive(entry) => {
                let before = std::mem::replace(&mut self.entry, entry);
                let session = self.entry.session();
                if before.session().version == session.version {
                    return self.expiring().await;
                }
                let view = session_view(session, self.entry.last_activity());
                Some(event("updated", &view))
            }
            // Unknown is not ended.
            Follow::Unknown => None,
        }
    }

    /// When the session ends if nobody uses it, and how long before that it is said. The idle end moves with each use.
    fn end(&self) -> (Timestamp, Duration) {
        let session = self.entry.session();
        let life = session.expires_at.since(session.created_at);
        let (mut end, mut limit) = (session.expires_at, life);
        if let Some(idle_end) = session.idle_until(self.entry.last_activity())
            && idle_end < end
        {
            (end, limit) = (idle_end, session.idle);
        }
        (end, NOTICE.min(limit / 10))
    }

    /// How long there is nothing to be said of the end. Once it has been announced, it is waited for.
    fn until_notice(&self) -> Duration {
        let (end, notice) = self.end();
        let left = end.since(self.gateway.sessions.clock().wall());
        if self.announced == Some(end) {
            left
        } else {
            left.saturating_sub(notice)
        }
    }

    /// Says once that the end is near. Only the store knows of uses on other nodes.
    async fn expiring(&mut self) -> Option<String> {
        let (end, notice) = self.end();
        let left = end.since(self.gateway.sessions.clock().wall());
        if left > notice || self.announced == Some(end) {
            return None;
        }
        self.announced = Some(end);
        let session = self.entry.session();
        if end < session.expires_at {
            let stored = self
                .gateway
                .sessions
                .find(session.id)
                .await
                .ok()
                .flatten()?
                .session;
            if stored
                .idle_until(stored.last_activity)
                .is_none_or(|known| known > end)
            {
                return None;
            }
        }
        Some(event("expiring", &json!({"expiresAt": rfc3339(end)})))
    }

    fn now(&self) -> Boot {
        self.gateway.sessions.clock().boot()
    }
}

/// Why the session ended, for its own pages.
fn ended(why: Absence) -> Value {
    let reason = match why {
        Absence::Ended(Dead::Revoked(Some(reason))) => reason.as_str(),
        Absence::Ended(Dead::Revoked(None)) => RevokeReason::LogoutEverywhere.as_str(),
        other => other.as_str(),
    };
    match ended_code(why) {
        Some(code) => json!({ "reason": reason, "code": code }),
        None => json!({ "reason": reason }),
    }
}

/// One event. JSON has no line breaks of its own.
fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
