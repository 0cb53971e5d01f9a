//! `logging`: one line and one count for each request, whatever became of it.

use std::sync::Arc;

use pingora_core::Error;
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use super::{Ctx, failed_line};
use crate::apps::server::Server;
use crate::passage::line::{self, Sent, Wire};
use crate::passage::spans;
use crate::passage::told::{self, Told};
use crate::state::Gateway;
use crate::telemetry::outcome::Outcome;

pub(super) fn write(gateway: &Gateway, session: &Session, error: Option<&Error>, ctx: &mut Ctx) {
    ctx.logged = true;
    if let Some(error) = error {
        failed_line::write(gateway, error, ctx);
    }
    let sent = Sent {
        status: session
            .response_written()
            .map_or(0, |head| head.status.as_u16()),
        received: Some(count_of(session.body_bytes_read())),
        bytes: Some(count_of(session.body_bytes_sent())),
        duration: line::count(gateway, &ctx.record),
    };
    line::count_bytes(gateway, &ctx.record, &sent);
    let is_logged = line::is_asked_for(gateway, &ctx.record, sent.status);
    if !is_logged && ctx.record.recording().is_none() {
        return;
    }
    let head = session.req_header();
    let told = Told::of(gateway, &ctx.record.settings, &ctx.record.answerer, head);
    let tls = session.digest().and_then(|of| of.ssl_digest.as_deref());
    let tls = tls.map(|tls| &*tls.version);
    line(gateway, ctx, &told, (Some(head), tls), (&sent, is_logged));
}

fn count_of(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// A request that was cut off: what is known of it.
fn unfinished(gateway: &Gateway, ctx: &Ctx) {
    let sent = Sent {
        status: 0,
        received: None,
        bytes: None,
        duration: line::count(gateway, &ctx.record),
    };
    let is_logged = line::is_asked_for(gateway, &ctx.record, 0);
    if !is_logged && ctx.record.recording().is_none() {
        return;
    }
    let told = match &ctx.asked {
        Some((method, uri)) => Told {
            method: told::shown_method(method.as_str()),
            path: told::path(
                gateway,
                &ctx.record.settings,
                &ctx.record.answerer,
                (method.as_str(), None),
                uri.path(),
            ),
        },
        None => Told::default(),
    };
    line(gateway, ctx, &told, (None, None), (&sent, is_logged));
}

/// Writes its line, if there is to be one, and its spans.
fn line(
    gateway: &Gateway,
    ctx: &Ctx,
    told: &Told<'_>,
    (head, tls): (Option<&RequestHeader>, Option<&str>),
    (sent, is_logged): (&Sent, bool),
) {
    let forward = ctx.forward.as_ref();
    let wire = Wire {
        head,
        tls,
        upstream: forward.map(|forward| &*forward.app.name),
        server: ctx.tries.server().map(Server::name),
        first_byte: ctx.first_byte,
    };
    if is_logged {
        line::write(gateway, &ctx.record, told, &wire, sent);
    }
    spans::finish(gateway, &ctx.record, told, &wire, sent);
}

/// A request that is dropped half-way (its session ended, its connection broke, a hook panicked) calls no hook any more.
impl Drop for Ctx {
    fn drop(&mut self) {
        self.progress.end();
        if !self.logged {
            if self.watch.as_ref().is_some_and(|watch| watch.was_cut()) {
                self.record.outcome = Outcome::Cut;
            }
            if self
                .watch
                .as_ref()
                .is_some_and(|watch| watch.is_unanswered())
            {
                self.record.outcome = Outcome::GatewayTimeout;
                failed_line::of_silence(&Arc::clone(&self.gateway), self);
            }
            unfinished(&self.gateway, self);
        }
    }
}
