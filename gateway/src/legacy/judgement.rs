//! Whose login do these old cookies carry?
//!
//! All credentials of a request are judged together, whichever names, chunks or duplicates they came in. A cookie does
//! not say who set it, so any of them may have been planted by a sibling domain. Therefore all valid credentials must
//! name the same user. Pure.

use session_core::clock::Timestamp;
use uuid::Uuid;

/// What is known of one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// It is a session that lives.
    Session {
        /// Handle of the session.
        id: Uuid,
        /// Whose session it is.
        user: &'a str,
        /// When the session was made.
        made_at: Timestamp,
    },
    /// The app has accepted it just now.
    Accepted {
        /// Whose login it is.
        user: &'a str,
    },
    /// The app refuses it, or its session has ended.
    Dead,
    /// Neither the store nor the app can tell just now.
    Unjudged,
}

impl<'a> Standing<'a> {
    fn user(&self) -> Option<&'a str> {
        match self {
            Self::Session { user, .. } | Self::Accepted { user } => Some(user),
            Self::Dead | Self::Unjudged => None,
        }
    }
}

/// What follows for the request. Numbers are places in the list of its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All valid credentials are one user's: the newest session counts, and accepted credentials join it.
    Session {
        /// The credential that leads to it.
        of: usize,
        /// Those that are to lead to it too.
        joined_by: Vec<usize>,
    },
    /// All valid credentials are one user's, and none has a session yet: one is to be made of these.
    NewSession {
        /// In the order in which they came.
        of: Vec<usize>,
    },
    /// None of them is a login any more.
    Dead,
    /// They are logins of several users, so none counts.
    Contradiction,
    /// At least one of them could not be judged, so none counts.
    Unjudged {
        /// Whether another one is valid. The one that is not judged might be another user's.
        beside_a_valid_one: bool,
    },
}

/// Judges all credentials of a request, of which there is at least one.
pub(super) fn judge(standings: &[Standing<'_>]) -> Verdict {
    let mut users = standings.iter().filter_map(Standing::user);
    let first = users.next();
    if users.any(|user| Some(user) != first) {
        return Verdict::Contradiction;
    }
    if standings.contains(&Standing::Unjudged) {
        return Verdict::Unjudged {
            beside_a_valid_one: first.is_some(),
        };
    }
    let accepted: Vec<usize> = places(standings, |standing| {
        matches!(standing, Standing::Accepted { .. })
    });
    match newest(standings) {
        Some(of) => Verdict::Session {
            of,
            joined_by: accepted,
        },
        None if accepted.is_empty() => Verdict::Dead,
        None => Verdict::NewSession { of: accepted },
    }
}

/// Which credentials may be cleared after this verdict: each that is dead itself, or has become the session that comes.
/// The state of the others is no reason to clear one.
pub(super) fn spent(standings: &[Standing<'_>], verdict: &Verdict) -> Vec<usize> {
    let session_of = |at: usize| match standings.get(at) {
        Some(Standing::Session { id, .. }) => Some(*id),
        _ => None,
    };
    let became: Vec<usize> = match verdict {
        Verdict::Session { of, joined_by } => {
            let id = session_of(*of);
            let mut same: Vec<usize> = (0..standings.len())
                .filter(|&at| session_of(at).is_some() && session_of(at) == id)
                .collect();
            same.extend(joined_by);
            same
        }
        Verdict::NewSession { of } => of.clone(),
        Verdict::Dead => Vec::new(),
        Verdict::Contradiction | Verdict::Unjudged { .. } => return Vec::new(),
    };
    let mut spent = places(standings, |standing| matches!(standing, Standing::Dead));
    spent.extend(became);
    spent.sort_unstable();
    spent
}

/// The credential that leads to the newest session. Of equally new ones the greatest handle counts, so that all nodes
/// agree.
fn newest(standings: &[Standing<'_>]) -> Option<usize> {
    let sessions = standings.iter().enumerate();
    let sessions = sessions.filter_map(|(at, standing)| match standing {
        Standing::Session { id, made_at, .. } => Some((*made_at, *id, at)),
        _ => None,
    });
    // Of several that lead to the same session, the first that came.
    sessions
        .max_by_key(|(made_at, id, at)| (*made_at, *id, std::cmp::Reverse(*at)))
        .map(|(_, _, at)| at)
}

fn places(standings: &[Standing<'_>], is_meant: impl Fn(&Standing<'_>) -> bool) -> Vec<usize> {
    let all = standings.iter().enumerate();
    all.filter(|(_, standing)| is_meant(standing))
        .map(|(at, _)| at)
        .collect()
}

#[cfg(test)]
mod tests;
