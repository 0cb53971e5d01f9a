//! What was decided before a session is looked up, and what has to be looked up?

use http::HeaderValue;
use session_core::clock::Timestamp;
use session_core::service::{Absence, Query, Resolution};
use session_core::session::{Group, Groups};
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::Finding;
use sidgate_policy::edge::Breach;
use sidgate_policy::edge::client_ip::Peer;

use super::came::Came;
use super::keys::Key;
use super::listener::Listener;
use super::report::{Line, Report, Verdict as Told};
use super::session::{self, Known};
use crate::answer::Answer;
use crate::decision::https::Insecure;
use crate::decision::{self, Decided, Sender, Verdict};
use crate::endpoints::Endpoint;
use crate::state::{ActiveConfig, Addressed};
use crate::visit::presented;

/// A request about which everything is known but its session.
pub(crate) struct Examined<'s, 'r> {
    pub(super) settings: &'s ActiveConfig,
    pub(super) came: &'r Came,
    pub(super) listener: Listener<'r>,
    decided: Result<Decided<'s, 'r>, Breach>,
}

/// What has to be looked up.
pub(crate) enum Wanted {
    /// Nothing: this is known.
    Nothing(Finding),
    /// This session, if it is of this group.
    Session(SessionKey, Group, Query),
}

impl<'s: 'r, 'r> Examined<'s, 'r> {
    /// Has the gateway decide about a request, as far as no session is asked for.
    pub(crate) fn of(settings: &'s ActiveConfig, came: &'r Came) -> Self {
        let request = came.request();
        let sender = Sender::of(Peer::Address(came.peer), request.headers, settings);
        let mut listener = Listener::new(settings, came, sender);
        let decided = decision::decide(
            &request,
            sender,
            settings,
            || came.body(),
            |step| listener.hear(step),
        );
        Self {
            settings,
            came,
            listener,
            decided,
        }
    }

    /// What has to be looked up. `recognise` knows the keys of this installation.
    pub(crate) fn wanted(
        &self,
        recognise: impl FnOnce(&[u8], &Groups) -> Result<SessionKey, Absence>,
    ) -> Wanted {
        let Ok(decided) = &self.decided else {
            return Wanted::Nothing(Finding::NotAsked);
        };
        let query = match &decided.verdict {
            Verdict::Onward(onward) if onward.route.session.asks() => onward.query,
            Verdict::Endpoint(_) | Verdict::Admin(_) => Query::default(),
            _ => return Wanted::Nothing(Finding::NotAsked),
        };
        let site = self.settings.site(decided.vetted.host.site());
        match presented(&decided.vetted.cookies, |sid| recognise(sid, &site.groups)) {
            None => Wanted::Nothing(Finding::NoCookie),
            Some(Err(absence)) => Wanted::Nothing(Finding::Resolved(Resolution::Absent(absence))),
            Some(Ok(key)) => Wanted::Session(key, site.config.group.clone(), query),
        }
    }

    /// The decision, now that the session is known as far as it can be.
    pub(crate) fn report(self, known: Known, now: Timestamp) -> Report {
        let Self {
            settings,
            came,
            mut listener,
            decided,
        } = self;
        let Decided {
            vetted, verdict, ..
        } = match decided {
            Ok(decided) => decided,
            Err(breach) => return refused(listener, &breach),
        };
        let to = Addressed::at(settings.site(vetted.host.site()), &vetted.host);
        let known = known.at(&to);
        match verdict {
            Verdict::Refused(why) => refused(listener, &why.into()),
            Verdict::Onward(onward) => {
                session::on_route((settings, came), listener, (&vetted, &onward), known, now)
            }
            Verdict::Admin(call) => {
                session::on_admin((settings, came), listener, (&vetted, call), known, now)
            }
            Verdict::Endpoint(endpoint) => {
                listener.lines.extend(session::line(&known));
                of_endpoint(listener, endpoint)
            }
            verdict => {
                explain_answer(&mut listener, &verdict);
                let answer = verdict.answer().unwrap_or_else(Answer::not_found);
                Report::answered(&answer, listener.lines)
            }
        }
    }
}

fn refused(mut listener: Listener<'_>, breach: &Breach) -> Report {
    listener.refused(breach);
    Report {
        reason: Some(breach.rule.reason().to_owned()),
        ..Report::answered(&Answer::refused(breach), listener.lines)
    }
}

/// Endpoints answer by themselves; two of them always say the same.
fn of_endpoint(mut listener: Listener<'_>, endpoint: Endpoint) -> Report {
    let fixed = match endpoint {
        Endpoint::OtherMethod(allow) => {
            Some(Answer::method_not_allowed(HeaderValue::from_static(allow)))
        }
        Endpoint::Unknown => Some(Answer::not_found()),
        _ => None,
    };
    let found = match fixed {
        Some(_) => "no endpoint takes this",
        None => "answers by itself, by the session and by what the request says",
    };
    let found = format!("{}: {found}", endpoint.label());
    listener
        .lines
        .push(Line::new("endpoint", found, vec![]).deciding());
    match fixed {
        Some(answer) => Report::answered(&answer, listener.lines),
        None => Report::of(Told::Allowed, listener.lines),
    }
}

/// Adds what the decision says about an answer that needs no session.
fn explain_answer(listener: &mut Listener<'_>, verdict: &Verdict<'_>) {
    let config = listener.config();
    let line = match verdict {
        Verdict::Insecure(Insecure::Redirect(_)) => Line::new(
            "https",
            "a page is asked for again over https",
            insecure_keys(listener),
        ),
        Verdict::Insecure(Insecure::Refuse) => Line::new(
            "https",
            "what is no page may carry secrets, and is refused in clear text",
            insecure_keys(listener),
        ),
        Verdict::Rejected(endpoint, why) => {
            let answer = Answer::from(why.clone());
            let found = format!(
                "{} refuses it: {}",
                endpoint.label(),
                answer.outcome.into_str()
            );
            Line::new(
                "endpoint",
                found,
                vec![Key::of_site(config, listener.site, "origin")],
            )
        }
        Verdict::CrossSite(why) => {
            let mut keys = listener.of_own_route("csrf");
            keys.push(Key::of_site(config, listener.site, "origin"));
            Line::new("cross-site", why.to_string(), keys)
        }
        Verdict::MethodNotAllowed(route) => Line::new(
            "methods",
            format!("it takes {}", route.methods),
            listener.of_own_route("methods"),
        ),
        Verdict::Redirect(_, status, _) => Line::new(
            "redirect",
            format!("the visitor is sent elsewhere, with status {status}"),
            listener.of_own_route("redirect.to"),
        ),
        Verdict::Preflight(..) => Line::new(
            "preflight",
            "the origin is told what it may do",
            listener.of_own_route("cors_origins"),
        ),
        Verdict::EndpointPreflight(_) => Line::new(
            "preflight",
            "the origin is told what it may do with endpoints",
            vec![Key::of_site(config, listener.site, "trusted_origins")],
        ),
        Verdict::OriginNotAllowed => Line::new(
            "preflight",
            "the origin is not on the list",
            listener.of_origins(),
        ),
        Verdict::Maintenance(_) => Line::new(
            "maintenance",
            "the apps are out of service, and the client is not on the list of those who get through",
            ["maintenance.on", "maintenance.file", "maintenance.allow"]
                .map(|key| Key::of(config, key))
                .into(),
        ),
        _ => return listener.decided_here(),
    };
    listener.lines.push(line.deciding());
}

fn insecure_keys(listener: &Listener<'_>) -> Vec<Key> {
    let config = listener.config();
    vec![
        Key::of(config, "server.redirect_https"),
        Key::of_site(config, listener.site, "origin"),
    ]
}
