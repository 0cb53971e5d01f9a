//! What would become of the old logins that a request brings? No app is asked about them.

use session_core::clock::Timestamp;
use session_core::service::{Resolution, Unknown};
use sidgate_policy::auth::decide::{self, Decision, Finding};
use sidgate_policy::edge::Vetted;

use super::came::Came;
use super::keys::Key;
use super::report::Line;
use crate::config::Route;
use crate::legacy::{Course, LegacyCookies, course as course_of};
use crate::state::ActiveConfig;

/// The line about them, and whether the decision depends on what an app would say; `None` when there are none.
pub(super) fn course(
    (settings, came): (&ActiveConfig, &Came),
    (vetted, route): (&Vetted<'_>, &Route),
    finding: &Finding,
    now: Timestamp,
) -> Option<(Line, bool)> {
    let cookies = LegacyCookies::of(settings, vetted, &came.method, &came.headers)?;
    let course = course_of(settings, &cookies, finding);
    let found = match course {
        Course::Leave => "left alone: the app sees them",
        Course::Shadow => {
            "the app sees them, and would be asked whose they are: only to count the answer"
        }
        Course::Hide => "the app will not see the login in them",
        Course::Judge => {
            "the backend would be asked whose they are, and a session be made of the login"
        }
    };
    let keys = ["migration.mode", "migration.rollout_percent"];
    let keys = keys.map(|key| Key::of(&settings.config, key));
    let is_open = course == Course::Judge && depends(route, finding, now);
    Some((Line::new("old logins", found, keys.into()), is_open))
}

/// Whether it matters what the app says: a session is made of the login, or it is refused, or nobody knows.
fn depends(route: &Route, finding: &Finding, now: Timestamp) -> bool {
    let unknown = Finding::Resolved(Resolution::Unknown(Unknown::Legacy));
    let serves = |finding| {
        let decision = decide::decide(route.wanted(), finding, || now);
        matches!(decision, Decision::Forward(_))
    };
    !(serves(finding.clone()) && serves(unknown))
}
