//! `logging`: one line and one count for each request, whatever became of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::Version;
use pingora_core::Error;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use sidgate_policy::edge::FieldName;
use uuid::Uuid;

use super::Ctx;
use super::ctx::Answerer;
use super::failed_line;
use super::told::{self, Told};
use crate::apps::server::Server;
use crate::config::AccessField;
use crate::state::Gateway;
use crate::telemetry::access_log::{AccessLine, Headers};
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
        duration: count(gateway, ctx),
    };
    count_bytes(gateway, ctx, &sent);
    if !is_asked_for(gateway, ctx, sent.status) {
        return;
    }
    let head = session.req_header();
    let told = Told::of(gateway, &ctx.settings, &ctx.answerer, head);
    let tls = session.digest().and_then(|of| of.ssl_digest.as_deref());
    let tls = tls.map(|tls| &*tls.version);
    line(gateway, ctx, &told, (Some(head), tls), &sent);
}

/// What came and went on the wire.
struct Sent {
    status: u16,
    received: Option<u64>,
    bytes: Option<u64>,
    duration: Duration,
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
        duration: count(gateway, ctx),
    };
    if !is_asked_for(gateway, ctx, 0) {
        return;
    }
    let told = match &ctx.asked {
        Some((method, uri)) => Told {
            method: told::shown_method(method.as_str()),
            path: told::path(
                gateway,
                &ctx.settings,
                &ctx.answerer,
                (method.as_str(), None),
                uri.path(),
            ),
        },
        None => Told {
            method: Cow::Borrowed(""),
            path: Cow::Borrowed(""),
        },
    };
    line(gateway, ctx, &told, (None, None), &sent);
}

/// Whether a line of the request is wanted.
fn is_asked_for(gateway: &Gateway, ctx: &Ctx, status: u16) -> bool {
    let is_broken = matches!(
        ctx.outcome,
        Outcome::Aborted | Outcome::BrokenOff | Outcome::Cut
    );
    gateway.access_log.is_asked_for() && ctx.answerer.is_logged(status, is_broken)
}

/// Counts the request. How long it took.
fn count(gateway: &Gateway, ctx: &Ctx) -> Duration {
    let duration = gateway.sessions.clock().boot().since(ctx.started);
    let route = ctx.answerer.label();
    gateway.metrics.request(route, ctx.outcome, duration);
    if let Some(site) = site_of(ctx) {
        gateway.metrics.site_request(site, ctx.outcome);
    }
    duration
}

/// The name of the site that a vetted request was sent to, if it has one.
fn site_of(ctx: &Ctx) -> Option<&str> {
    ctx.settings.site(ctx.site?).name.as_deref()
}

/// Counts what came and went by a route.
fn count_bytes(gateway: &Gateway, ctx: &Ctx, sent: &Sent) {
    if let Answerer::Route(route) = &ctx.answerer {
        let bytes = (sent.received.unwrap_or(0), sent.bytes.unwrap_or(0));
        gateway.metrics.bytes(&route.label, bytes);
    }
}

/// Writes its line.
fn line(
    gateway: &Gateway,
    ctx: &Ctx,
    told: &Told<'_>,
    (head, tls): (Option<&RequestHeader>, Option<&str>),
    sent: &Sent,
) {
    let config = &ctx.settings.config.access_log;
    let asked = |field| head.filter(|_| config.fields.has(field));
    let host = asked(AccessField::Host).and_then(|head| told::host(gateway, head));
    let user_agent = asked(AccessField::UserAgent);
    let user_agent = user_agent.and_then(|head| told::user_agent(gateway, head));
    let is_sid = |text: &str| gateway.is_sid(text);
    let headers = head.filter(|_| !config.headers.is_empty());
    let forward = ctx.forward.as_ref();
    let server = forward.and_then(|forward| forward.tries.server());
    let mut handle = Uuid::encode_buffer();
    gateway.access_log.write(&AccessLine {
        fields: config.fields,
        request_id: &ctx.request_id,
        method: &told.method,
        path: &told.path,
        host: host.as_deref(),
        site: site_of(ctx),
        protocol: head.map(|head| protocol(head.version)),
        tls,
        route: ctx.answerer.label(),
        outcome: ctx.outcome,
        status: sent.status,
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
        user_agent: user_agent.as_deref(),
        upstream: forward.map(|forward| &*forward.app.name),
        server: server.map(Server::name),
        first_byte: ctx.first_byte,
        received: sent.received,
        bytes: sent.bytes,
        duration: sent.duration,
        headers: headers.map(|head| Headers {
            names: &config.headers,
            of: &head.headers,
            is_sid: &is_sid,
        }),
    });
}

/// As the negotiation of TLS calls it.
const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "http/1.0",
        Version::HTTP_2 => "h2",
        _ => "http/1.1",
    }
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
