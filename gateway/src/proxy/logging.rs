//! `logging`: one line and one count for each request, whatever became of it.

use std::borrow::Cow;

use pingora_core::Error;
use pingora_proxy::Session;

use super::Ctx;
use super::ctx::Answerer;
use super::failed_line;
use super::place::Place;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::access_log::AccessLine;
use crate::telemetry::outcome::Outcome;

pub(super) fn write(gateway: &Gateway, session: &Session, error: Option<&Error>, ctx: &mut Ctx) {
    ctx.logged = true;
    if let Some(error) = error {
        failed_line::write(gateway, error, ctx);
    }
    let head = session.req_header();
    let (method, path) = match &ctx.answerer {
        Answerer::Edge => ("", Cow::Borrowed("")),
        answerer => {
            let (method, path) = (head.method.as_str(), head.uri.path());
            (
                method,
                shown_path(gateway, &ctx.settings, answerer, method, path),
            )
        }
    };
    let written = session.response_written();
    let status = written.map_or(0, |head| head.status.as_u16());
    line(gateway, ctx, method, &path, status);
}

/// What the log may show of a path: where the path is a secret, only its route.
fn shown_path<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    answerer: &'a Answerer,
    method: &str,
    path: &'a str,
) -> Cow<'a, str> {
    let route = match answerer {
        Answerer::Route(route) => Some(route),
        Answerer::Nobody => match Place::as_written(&settings.config, method, path) {
            Place::Route(route) => Some(route),
            _ => None,
        },
        Answerer::Edge | Answerer::Endpoint(_) | Answerer::Admin => None,
    };
    match route {
        Some(route) if !route.log_path => Cow::Borrowed(route.path.as_str()),
        _ => without_sids(gateway, clipped(path)),
    }
}

/// Longest part of a path that is written down, in bytes. Lines wait in a queue that is bounded by their number.
const PATH_MAX: usize = 512;

fn clipped(path: &str) -> &str {
    let end = (0..=PATH_MAX.min(path.len())).rfind(|end| path.is_char_boundary(*end));
    path.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// A sid has no place in a path. A client that puts one there all the same must not find it in our logs.
fn without_sids<'a>(gateway: &Gateway, path: &'a str) -> Cow<'a, str> {
    let is_sid = |segment: &str| gateway.sessions.recognise(segment.as_bytes()).is_ok();
    if !path.split('/').any(is_sid) {
        return Cow::Borrowed(path);
    }
    let segments = path
        .split('/')
        .map(|segment| if is_sid(segment) { "***" } else { segment });
    Cow::Owned(segments.collect::<Vec<_>>().join("/"))
}

/// A request that was cut off before its header was read: what is known of it.
fn unfinished(gateway: &Gateway, ctx: &Ctx) {
    line(gateway, ctx, "", "", 0);
}

/// Counts the request and writes its line.
fn line(gateway: &Gateway, ctx: &Ctx, method: &str, path: &str, status: u16) {
    let duration = gateway.sessions.clock().boot().since(ctx.started);
    gateway
        .metrics
        .request(ctx.answerer.label(), ctx.outcome, duration);
    AccessLine {
        request_id: &ctx.request_id,
        method,
        path,
        route: ctx.answerer.label(),
        outcome: ctx.outcome,
        status,
        session: ctx.handle.as_deref(),
        tier: ctx.tier,
        client: ctx.client,
        duration,
    }
    .write();
}

/// A request that is dropped half-way (its session ended, its connection broke, a hook panicked) calls no hook any more.
impl Drop for Ctx {
    fn drop(&mut self) {
        self.progress.end();
        if !self.logged {
            if self.watch.as_ref().is_some_and(|watch| watch.was_cut()) {
                self.outcome = Outcome::Cut;
            }
            unfinished(&self.gateway, self);
        }
    }
}
