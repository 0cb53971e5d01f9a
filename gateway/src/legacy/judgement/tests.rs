use super::*;
use crate::legacy::cookies::found::VALUES_MAX;

const OLD: Uuid = Uuid::from_u128(1);
const NEW: Uuid = Uuid::from_u128(2);
const OTHER: Uuid = Uuid::from_u128(3);

const fn session(id: Uuid, user: &str, made_at: i64) -> Standing<'_> {
    let made_at = Timestamp::from_micros(made_at);
    Standing::Session { id, user, made_at }
}

/// Everything that a credential can be, with two users and two sessions of one of them.
const ALL: [Standing<'static>; 7] = [
    session(OLD, "alice", 1),
    session(NEW, "alice", 2),
    session(OTHER, "mallory", 3),
    Standing::Accepted { user: "alice" },
    Standing::Accepted { user: "mallory" },
    Standing::Dead,
    Standing::Unjudged,
];

/// Every request: up to four credentials, each in every state.
fn requests() -> Vec<Vec<Standing<'static>>> {
    let mut all: Vec<Vec<Standing<'static>>> = Vec::new();
    let mut last: Vec<Vec<Standing<'static>>> = vec![Vec::new()];
    for _ in 0..VALUES_MAX {
        last = last
            .iter()
            .flat_map(|start| ALL.map(|next| [start.as_slice(), &[next]].concat()))
            .collect();
        all.extend(last.clone());
    }
    all
}

#[test]
fn verdicts_by_example() {
    use Standing::{Accepted, Dead, Unjudged};
    let (old, new) = (session(OLD, "alice", 1), session(NEW, "alice", 2));
    let planted = session(OTHER, "mallory", 3);
    let alice = Accepted { user: "alice" };
    let mallory = Accepted { user: "mallory" };
    let comes = |of, joined_by: &[usize]| Verdict::Session {
        of,
        joined_by: joined_by.to_vec(),
    };
    let made = |of: &[usize]| Verdict::NewSession { of: of.to_vec() };
    let unjudged = |beside_a_valid_one| Verdict::Unjudged { beside_a_valid_one };
    for (standings, verdict) in [
        (vec![alice], made(&[0])),
        (vec![new], comes(0, &[])),
        (vec![Dead], Verdict::Dead),
        (vec![Unjudged], unjudged(false)),
        (vec![alice, alice], made(&[0, 1])),
        (vec![old, new], comes(1, &[])),
        (vec![new, new], comes(0, &[])),
        (vec![alice, old], comes(1, &[0])),
        (vec![alice, Dead], made(&[0])),
        (vec![Dead, old, alice], comes(1, &[2])),
        (vec![alice, planted], Verdict::Contradiction),
        (vec![old, planted], Verdict::Contradiction),
        (vec![old, mallory], Verdict::Contradiction),
        (vec![alice, mallory, Unjudged], Verdict::Contradiction),
        (vec![alice, Unjudged], unjudged(true)),
        (vec![old, Unjudged], unjudged(true)),
        (vec![Dead, Unjudged], unjudged(false)),
    ] {
        assert_eq!(judge(&standings), verdict, "{standings:?}");
    }
}

#[test]
fn whoever_comes_is_named_by_every_valid_credential() {
    for standings in requests() {
        let users: Vec<&str> = standings.iter().filter_map(Standing::user).collect();
        let of = match judge(&standings) {
            Verdict::Session { of, .. } => of,
            Verdict::NewSession { of } => of[0],
            Verdict::Dead => {
                let all_dead = standings.iter().all(|one| *one == Standing::Dead);
                assert!(all_dead, "{standings:?}");
                continue;
            }
            Verdict::Contradiction => {
                assert!(users.contains(&"alice") && users.contains(&"mallory"));
                continue;
            }
            Verdict::Unjudged { beside_a_valid_one } => {
                assert!(standings.contains(&Standing::Unjudged), "{standings:?}");
                assert_eq!(beside_a_valid_one, !users.is_empty(), "{standings:?}");
                continue;
            }
        };
        let comes = standings[of].user().unwrap();
        assert!(users.iter().all(|user| *user == comes), "{standings:?}");
        assert!(!standings.contains(&Standing::Unjudged), "{standings:?}");
    }
}

#[test]
fn the_order_in_which_credentials_come_decides_nothing() {
    let id = |standing: &Standing<'_>| match standing {
        Standing::Session { id, .. } => Some(*id),
        _ => None,
    };
    for standings in requests() {
        let turned: Vec<_> = standings.iter().rev().copied().collect();
        let who = |standings: &[Standing<'_>]| match judge(standings) {
            Verdict::Session { of, joined_by } => (0, id(&standings[of]), joined_by.len()),
            Verdict::NewSession { of } => (1, None, of.len()),
            Verdict::Dead => (2, None, 0),
            Verdict::Contradiction => (3, None, 0),
            Verdict::Unjudged { beside_a_valid_one } => (4, None, usize::from(beside_a_valid_one)),
        };
        assert_eq!(who(&standings), who(&turned), "{standings:?}");
    }
}

#[test]
fn nothing_is_cleared_for_the_company_it_keeps() {
    for standings in requests() {
        let verdict = judge(&standings);
        let comes = match &verdict {
            Verdict::Session { of, .. } => Some(standings[*of]),
            _ => None,
        };
        let nobody_knows = matches!(verdict, Verdict::Contradiction | Verdict::Unjudged { .. });
        let spent = spent(&standings, &verdict);
        for (at, standing) in standings.iter().enumerate() {
            let expected = match standing {
                Standing::Dead => !nobody_knows,
                Standing::Session { .. } => comes == Some(*standing),
                Standing::Accepted { .. } => !nobody_knows,
                Standing::Unjudged => false,
            };
            assert_eq!(spent.contains(&at), expected, "{at} of {standings:?}");
        }
        let mut once = spent.clone();
        once.dedup();
        assert_eq!(once, spent, "each once");
    }
}
