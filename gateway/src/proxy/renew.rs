//! A session that has had its sid for longer than `session.rotate_every`, or is used in a suspicious way, gets another one
//! with its next answer.
//!
//! An answer that cannot carry a cookie leaves it to the next one. Of parallel requests one renews the sid, on whichever
//! node; the others are served with the old one, which is accepted for ten seconds more. When the store fails nothing is
//! set and the request is served.

use std::collections::HashSet;

use http::HeaderValue;
use parking_lot::Mutex;
use session_core::session::Session;
use session_core::sid::SessionKey;
use tracing::warn;

use super::ctx::{Ctx, Forward};
use crate::auth::decide::State;
use crate::gate::Gate;
use crate::set_cookie;
use crate::telemetry::security::{self, Kind};

const RISK: &str = "risk";

/// Sessions whose sid is being renewed by this process: the requests beside need not ask the store as well.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashSet<SessionKey>>);

impl UnderWay {
    fn enter(&self, key: SessionKey) -> Option<Place<'_>> {
        let entered = self.0.lock().insert(key);
        // Not `then_some`: a place that is made is also given back.
        entered.then(|| Place(self, key))
    }
}

struct Place<'a>(&'a UnderWay, SessionKey);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// The cookie with the new sid, if one was due and could be had.
pub(super) async fn renew(gate: &Gate, ctx: &Ctx, forward: &Forward) -> Option<HeaderValue> {
    let State::Active(active) = &forward.state else {
        return None;
    };
    let session = active.entry.session();
    let key = session.key;
    // A session that was found by a former sid has been renewed already, and one that is served stale cannot be.
    if forward.presented != Some(key) || active.stale.is_some() {
        return None;
    }
    let why = why_due(gate, ctx, session)?;
    let _place = gate.renewing.enter(key)?;
    let created = match gate.sessions.renew(key).await {
        Ok(Some(created)) => created,
        Ok(None) => return None,
        Err(failed) => {
            gate.metrics.renewal("failed");
            if why == RISK {
                gate.risk.want_rotation(session.id);
            }
            warn!(request_id = ctx.request_id, error = %failed, "sid not renewed");
            return None;
        }
    };
    gate.metrics.renewal("done");
    security::note(Kind::Rotated, ctx.facts(why).by_owner(&created.session));
    if let Some(watch) = &ctx.watch {
        watch.moves_to(Some(created.session.key));
    }
    let life = created
        .session
        .expires_at
        .since(gate.sessions.clock().wall());
    set_cookie::issue(&ctx.site.config.cookie, &created.sid, life)
}

/// Why a new sid is due, if it is.
fn why_due(gate: &Gate, ctx: &Ctx, session: &Session) -> Option<&'static str> {
    let age = gate.sessions.clock().wall().since(session.sid_since());
    let every = ctx.site.config.session.rotate_every;
    if every.is_some_and(|every| age >= every) {
        return Some("rotate_every");
    }
    let suspicious = ctx.site.risk.is_some() && gate.risk.take_rotation(session.id);
    suspicious.then_some(RISK)
}
