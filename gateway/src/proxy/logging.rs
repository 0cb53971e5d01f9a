//! `logging`: one line and one count for each request, whatever became of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::Error;
use pingora_proxy::Session;
use sidgate_policy::edge::FieldName;
use uuid::Uuid;

use super::Ctx;
use super::failed_line;
use super::told::{self, Told};
use crate::state::Gateway;
use crate::telemetry::access_log::AccessLine;
use crate::telemetry::outcome::Outcome;

pub(super) fn write(gateway: &Gateway, session: &Session, error: Option<&Error>, ctx: &mut Ctx) {
    ctx.logged = true;
    if let Some(error) = error {
        failed_line::write(gateway, error, ctx);
    }
    let duration = count(gateway, ctx);
    if !gateway.access_log.is_asked_for() {
        return;
    }
    let head = session.req_header();
    let told = Told::of(gateway, &ctx.settings, &ctx.answerer, head);
    // Who looks for a refused request often knows its host alone. For others the route says enough.
    let host = ctx.refusal.as_ref().and_then(|_| told::host(gateway, head));
    let written = session.response_written();
    let status = written.map_or(0, |head| head.status.as_u16());
    line(gateway, ctx, &told, host.as_deref(), (status, duration));
}

/// A request that was cut off: what is known of it.
fn unfinished(gateway: &Gateway, ctx: &Ctx) {
    let duration = count(gateway, ctx);
    if !gateway.access_log.is_asked_for() {
        return;
    }
    let told = match &ctx.asked {
        Some((method, uri)) => Told {
            method: told::shown_method(method.as_str()),
            path: told::path(
                gateway,
                &ctx.settings,
                &ctx.answerer,
                method.as_str(),
                uri.path(),
            ),
        },
        None => Told {
            method: Cow::Borrowed(""),
            path: Cow::Borrowed(""),
        },
    };
    line(gateway, ctx, &told, None, (0, duration));
}

/// Counts the request. How long it took.
fn count(gateway: &Gateway, ctx: &Ctx) -> Duration {
    let duration = gateway.sessions.clock().boot().since(ctx.started);
    let route = ctx.answerer.label();
    gateway.metrics.request(route, ctx.outcome, duration);
    duration
}

/// Writes its line.
fn line(
    gateway: &Gateway,
    ctx: &Ctx,
    told: &Told<'_>,
    host: Option<&str>,
    (status, duration): (u16, Duration),
) {
    let mut handle = Uuid::encode_buffer();
    gateway.access_log.write(&AccessLine {
        request_id: &ctx.request_id,
        method: &told.method,
        path: &told.path,
        host,
        route: ctx.answerer.label(),
        outcome: ctx.outcome,
        status,
        reason: ctx.refusal.as_ref().map(|refusal| refusal.reason),
        field: ctx
            .refusal
            .as_ref()
            .and_then(|refusal| refusal.field.as_ref())
            .map(FieldName::as_str),
        session: ctx
            .handle
            .map(|id| &*id.hyphenated().encode_lower(&mut handle)),
        tier: ctx.tier,
        client: ctx.client,
        duration,
    });
}

/// A request that is dropped half-way (its session ended, its connection broke, a hook panicked) calls no hook any more.
impl Drop for Ctx {
    fn drop(&mut self) {
        self.progress.end();
        if !self.logged {
            if self.watch.as_ref().is_some_and(|watch| watch.was_cut()) {
                self.outcome = Outcome::Cut;
            }
            if self
                .watch
                .as_ref()
                .is_some_and(|watch| watch.is_unanswered())
            {
                self.outcome = Outcome::GatewayTimeout;
                failed_line::of_silence(&Arc::clone(&self.gateway), self);
            }
            unfinished(&self.gateway, self);
        }
    }
}
