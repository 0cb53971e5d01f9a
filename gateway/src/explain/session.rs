//! What does the session change?

use session_core::clock::Timestamp;
use session_core::service::{Absence, Resolution};
use session_core::session::Dead;
use sidgate_policy::auth::decide::{self, Decision, Finding, State};
use sidgate_policy::auth::identity;
use sidgate_policy::auth::requirements::Unmet;
use sidgate_policy::edge::Vetted;
use sidgate_policy::edge::identity_headers::{ASSERTION, STATE};

use super::came::Came;
use super::keys::Key;
use super::listener::Listener;
use super::old_cookies;
use super::report::{AppGets, Line, Report, Verdict};
use super::shown;
use crate::admin::access;
use crate::admin::call::Call;
use crate::answer::{Answer, Rejection};
use crate::decision::missing;
use crate::decision::onward::Onward;
use crate::endpoints::active_or_answer;
use crate::state::{ActiveConfig, Addressed};
use crate::telemetry::outcome::Outcome;

/// What is known about the session.
pub(crate) enum Known {
    /// What the gateway would find.
    Found(Finding),
    /// The store could not be asked by us; a gateway may do better.
    Unreadable(String),
}

impl Known {
    /// At a host that may be for one tenant alone.
    pub(super) fn at(self, host: &Addressed) -> Self {
        match self {
            Self::Found(Finding::Resolved(found)) => {
                Self::Found(Finding::Resolved(host.judge(found)))
            }
            known => known,
        }
    }
}

/// The line about it; none where no session is asked for.
pub(super) fn line(known: &Known) -> Option<Line> {
    let found = match known {
        Known::Unreadable(why) => format!("cannot be looked up: {why}"),
        Known::Found(Finding::NotAsked) => return None,
        Known::Found(Finding::NoCookie) => "none given".to_owned(),
        Known::Found(Finding::Resolved(Resolution::Active(active))) => {
            let (id, tier) = (active.entry.session().id, active.tier.as_str());
            match active.stale {
                None => format!("active: {id}, from {tier}"),
                Some(stale) => format!("active: {id}, as of {} seconds ago", stale.as_secs()),
            }
        }
        Known::Found(Finding::Resolved(Resolution::Absent(why))) => absence(*why),
        Known::Found(Finding::Resolved(Resolution::Unknown(why))) => {
            format!("unknown: {}", why.as_str())
        }
    };
    Some(Line::new("session", found, vec![]))
}

fn absence(why: Absence) -> String {
    let more = match why {
        Absence::Malformed => " (the cookie's value has not the form of a sid)",
        Absence::Forged => " (no key of this installation made this sid)",
        Absence::NoSuch => " (the store has no such session)",
        Absence::OtherGroup => " (it belongs to the sites of another group)",
        Absence::OtherTenant => " (it belongs to another tenant than the host)",
        Absence::Ended(Dead::Renewed) => " (the session has another sid by now)",
        Absence::Ended(Dead::Revoked(Some(reason))) => {
            return format!("none: revoked ({})", reason.as_str());
        }
        Absence::Ended(_) => "",
    };
    format!("none: {}{more}", why.as_str())
}

/// What becomes of a request that a route sends on if its session allows.
pub(super) fn on_route(
    (settings, came): (&ActiveConfig, &Came),
    mut listener: Listener<'_>,
    (vetted, onward): (&Vetted<'_>, &Onward<'_>),
    known: Known,
    now: Timestamp,
) -> Report {
    let route = onward.route;
    let policy = listener.of_own_route("session");
    listener.lines.extend(line(&known));
    let finding = match known {
        Known::Found(finding) => finding,
        Known::Unreadable(_) => return undecided(listener, policy),
    };
    if let Some((line, is_open)) =
        old_cookies::course((settings, came), (vetted, route), &finding, now)
    {
        listener.lines.push(line);
        if is_open {
            return undecided(listener, policy);
        }
    }
    let (at, asked) = (
        (settings, settings.site(listener.site)),
        (&*came.method, &*came.target),
    );
    match decide::decide(route.wanted(), finding, || now) {
        Decision::Missing(why) => {
            let mut keys = policy;
            keys.extend(listener.of_own_route("on_missing"));
            keys.push(Key::of_site(&settings.config, listener.site, "login_url"));
            let line = Line::new("policy", "a session is required, and there is none", keys);
            listener.lines.push(line.deciding());
            let answer = missing::on_route(at, route, asked, &came.headers, why);
            Report::answered(&answer, listener.lines)
        }
        Decision::Unmet(why) => {
            listener.lines.push(unmet(&listener, why).deciding());
            let answer = missing::unmet(at, route, asked, &came.headers, why);
            Report::answered(&answer, listener.lines)
        }
        Decision::Unavailable(_) => {
            let mut keys = policy;
            keys.extend(listener.of_own_route("on_unknown"));
            let line = Line::new("policy", "it is not known whether there is a session", keys);
            listener.lines.push(line.deciding());
            Report::answered(&Answer::unavailable(), listener.lines)
        }
        Decision::Forward(state) => {
            let found = match state {
                State::None => "no session is asked for",
                State::Anonymous => "visitors without a session are served",
                State::Active(_) => "there is a session",
                State::Unknown => "served although it is not known whether there is a session",
            };
            listener.lines.push(Line::new("policy", found, policy));
            forwarded(settings, listener, (vetted, onward), &state)
        }
    }
}

/// What the session lacks.
fn unmet(listener: &Listener<'_>, why: Unmet) -> Line {
    match why {
        Unmet::Stale => Line::new(
            "policy",
            "the login is longer ago than this route allows",
            listener.of_own_route("fresh"),
        ),
        Unmet::NotAllowed => Line::new(
            "policy",
            "the identity has none of the values that get through",
            listener.of_own_route("allow"),
        ),
    }
}

fn undecided(mut listener: Listener<'_>, policy: Vec<Key>) -> Report {
    let line = Line::new("policy", "depends on what could not be asked", policy);
    listener.lines.push(line.deciding());
    Report::of(Verdict::Unknown, listener.lines)
}

fn forwarded(
    settings: &ActiveConfig,
    mut listener: Listener<'_>,
    (vetted, onward): (&Vetted<'_>, &Onward<'_>),
    state: &State,
) -> Report {
    let mut keys = listener.of_own_route("upstream");
    let upstream = format!("upstreams.{}", onward.app.name);
    keys.push(Key::of(&settings.config, upstream));
    let found = format!("the request goes to {}", onward.app.name);
    listener
        .lines
        .push(Line::new("upstream", found, keys).deciding());
    Report {
        reason: Some(Outcome::from(state).into_str().to_owned()),
        app: Some(app_gets(settings, (vetted, onward), state)),
        ..Report::of(Verdict::Allowed, listener.lines)
    }
}

fn app_gets(
    settings: &ActiveConfig,
    (vetted, onward): (&Vetted<'_>, &Onward<'_>),
    state: &State,
) -> AppGets {
    let mut fields = vec![STATE.to_string()];
    if let State::Active(active) = state {
        let (session, stale) = (active.entry.session(), active.stale);
        let headers = &settings.config.identity.headers;
        let identity = session.identity.to_value();
        let (told, _unfit) = identity::fields(
            session,
            &identity,
            headers,
            stale.map(|stale| stale.as_secs()),
        );
        fields.extend(told.iter().map(|(name, _)| name.to_string()));
    }
    fields.push(ASSERTION.to_string());
    AppGets {
        upstream: onward.app.name.to_string(),
        state: state.as_str(),
        fields,
        removed: onward
            .remove
            .iter()
            .map(|name| shown::name(name.as_str()))
            .collect(),
        cookies: vetted.cookies.foreign().count(),
        marker: onward
            .app
            .cookie_marker
            .as_ref()
            .map(|name| name.as_str().to_owned()),
    }
}

/// What becomes of a call of the admin API on the public listener.
pub(super) fn on_admin(
    (settings, came): (&ActiveConfig, &Came),
    mut listener: Listener<'_>,
    (vetted, call): (&Vetted<'_>, Call),
    known: Known,
    now: Timestamp,
) -> Report {
    listener.lines.extend(line(&known));
    let keys = vec![Key::of(&settings.config, "admin.claim")];
    let finding = match known {
        Known::Found(finding) => finding,
        Known::Unreadable(_) => return undecided(listener, keys),
    };
    let judged = active_or_answer(finding).and_then(|active| {
        let claimed = access::claimed(settings, active.entry, now)
            .map_err(|_session| Rejection::NoOperator)?;
        if call.is_open() || claimed.is_fresh() {
            Ok(())
        } else {
            Err(Rejection::StaleLogin)
        }
    });
    let found = "a session whose user has the claim and has logged in a short while ago";
    listener
        .lines
        .push(Line::new("needs", found, keys).deciding());
    let why = match judged {
        Ok(()) => return Report::of(Verdict::Allowed, listener.lines),
        Err(why) => why,
    };
    let asked = (&*came.method, vetted.path);
    let page = matches!(why, Rejection::NoSession(_))
        .then(|| missing::on_admin_page(settings.site(listener.site), asked, &came.headers, call))
        .flatten();
    let answer = page.unwrap_or_else(|| why.into());
    Report::answered(&answer, listener.lines)
}
