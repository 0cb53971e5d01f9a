//! What is held of one person can be found, and removed without anything of what keeps an ended session ended.

use super::legacy::{adopt, adoption, legacy, lives, made, of, ok, proven};
use super::*;
use session_core::keys::login::LoginDigest;
use session_core::session::RevokeReason;
use session_core::store::{
    Adopted, Attached, Attachment, ErasedSessions, LoginSeen, Renewal, Scope, Sighting, Swept,
};

const MANY: usize = 100;

fn seen(session: Uuid, user: &str) -> Sighting {
    Sighting {
        session,
        user_id: user.into(),
        ..sighting::seen(0, 0)
    }
}

fn digest(n: u8) -> LoginDigest {
    let digest = LoginDigest::from_slice(&[n; 32]);
    digest.unwrap_or_else(|| panic!("not a digest"))
}

async fn note_login(f: &impl Fixture, user: &str, network: u8) {
    let Some(owner) = of(user).owners.first().copied() else {
        panic!("no owner")
    };
    let seen = LoginSeen {
        account: digest(network),
        owner,
        network: digest(network),
    };
    ok(f.store().note_login(&seen).await);
}

/// Ends everything of the user; the number of it.
async fn revoke(f: &impl Fixture, user: &str) -> Seq {
    let scope = Scope::User(user.into());
    ok(f.store().revoke(&scope, RevokeReason::Admin).await).seq
}

async fn handles(f: &impl Fixture, user: &str) -> Vec<Uuid> {
    let rows = ok(f.other_node().sessions_of(user, None, MANY).await);
    rows.iter().map(|row| row.session.id).collect()
}

async fn sightings(f: &impl Fixture, user: &str) -> usize {
    let found = ok(f.other_node().sightings_of_user(user, 0, MANY).await);
    assert_eq!(found.next, None);
    assert!(found.seen.iter().all(|seen| &*seen.user_id == user));
    found.seen.len()
}

/// A session with another sid than at first, an old login with kept cookies, sightings, networks.
async fn everything(f: &impl Fixture, user: &str) {
    let session = f.log_in(user, Some("t1")).await;
    let renewal = Renewal {
        of: session.key,
        to: some_key(),
        group: session.group.clone(),
        grace: Duration::from_secs(10),
    };
    assert!(ok(f.store().renew(&renewal).await).is_some());
    let mut adoption = adoption(f, &[&legacy(&format!("old {user}"))], user).await;
    adoption.kept = Some(vec![1, 2, 3]);
    let adopted = ok(f.store().adopt(&adoption).await);
    assert!(matches!(adopted, Adopted::Made(_)), "{adopted:?}");
    for _ in 0..2 {
        ok(f.store().sight(&seen(session.id, user)).await);
    }
    note_login(f, user, 1).await;
    note_login(f, user, 2).await;
}

/// Alive or not, in all groups and tenants.
pub async fn is_found_in_every_table(f: &impl Fixture) {
    everything(f, "7").await;
    everything(f, "8").await;
    let ended = f.log_in("7", None).await;
    let scope = Scope::Key(ended.key);
    ok(f.store().revoke(&scope, RevokeReason::Logout).await);

    let found = handles(f, "7").await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&ended.id));
    assert!(found.is_sorted());
    let first = ok(f.store().sessions_of("7", None, 2).await);
    let rest = ok(f.store().sessions_of("7", found.get(1).copied(), 2).await);
    let paged: Vec<_> = first
        .iter()
        .chain(&rest)
        .map(|row| row.session.id)
        .collect();
    assert_eq!(paged, found);
    assert_eq!(sightings(f, "7").await, 2);
    let traces = ok(f.other_node().traces(&of("7")).await);
    let counts = (traces.former_keys, traces.old_logins, traces.kept_cookies);
    assert_eq!(counts, (1, 1, 1), "{traces:?}");
    assert_eq!(traces.networks.len(), 2);
    assert_eq!(traces.revocations, []);
    assert_eq!(traces.events, []);

    revoke(f, "7").await;
    let traces = ok(f.other_node().traces(&of("7")).await);
    assert_eq!((traces.revocations.len(), traces.events.len()), (1, 1));
    assert!(
        traces
            .cutoffs
            .iter()
            .any(|end| end.group.is_none() && !end.is_digest)
    );
    assert!(traces.cutoffs.iter().all(|end| end.at <= traces.now));
}

/// The id is gone but for the revocation and its event, which go when nothing needs them any more.
pub async fn leaves_no_trace(f: &impl Fixture) {
    everything(f, "7").await;
    everything(f, "8").await;
    let others = ok(f.store().traces(&of("8")).await);
    let seq = revoke(f, "7").await;

    let erased = ok(f.store().erase_sessions("7", seq, MANY).await);
    let expected = ErasedSessions {
        sessions: 2,
        former_keys: 1,
        old_logins: 1,
        kept_cookies: 1,
    };
    assert_eq!(erased, expected);
    let swept = ok(f.store().erase_sightings("7", 0, MANY).await);
    assert_eq!((swept.removed, swept.next), (2, None));
    assert_eq!(ok(f.store().erase_logins(&of("7").owners).await), 2);
    assert!(ok(f.store().hide_cutoffs(&of("7")).await) > 0);

    assert!(handles(f, "7").await.is_empty());
    assert_eq!(sightings(f, "7").await, 0);
    let left = ok(f.other_node().traces(&of("7")).await);
    let counts = (left.former_keys, left.old_logins, left.kept_cookies);
    assert_eq!((counts, left.networks.len()), ((0, 0, 0), 0), "{left:?}");
    assert!(left.cutoffs.iter().all(|end| end.is_digest), "{left:?}");
    assert_eq!((left.revocations.len(), left.events.len()), (1, 1));
    assert_eq!(lives(f, &legacy("old 7")).await, [false]);

    let long_ago = f.seconds_from_now(-41 * 60);
    f.run(&format!("UPDATE sidgate_event SET at = {long_ago}"))
        .await;
    for _ in 0..2 {
        ok(f.store().housekeep(MANY).await);
    }
    let left = ok(f.other_node().traces(&of("7")).await);
    assert_eq!(left.revocations, [], "after {:?}", left.events);
    assert_eq!(left.events, []);

    let still = ok(f.store().traces(&of("8")).await);
    assert_eq!(still.networks, others.networks);
    let counts =
        |of: &session_core::store::Traces| (of.former_keys, of.old_logins, of.kept_cookies);
    assert_eq!(counts(&still), counts(&others));
    assert_eq!(
        (handles(f, "8").await.len(), sightings(f, "8").await),
        (2, 2)
    );
}

/// Nobody needs to hear of it: all of it has ended. One event follows the revocation, so that it can go.
pub async fn is_told_nobody(f: &impl Fixture) {
    everything(f, "7").await;
    let seq = revoke(f, "7").await;
    ok(f.store().erase_sessions("7", seq, MANY).await);
    ok(f.store().erase_sightings("7", 0, MANY).await);
    ok(f.store().erase_logins(&of("7").owners).await);
    assert_eq!(f.head().await, seq);
    ok(f.store().hide_cutoffs(&of("7")).await);
    let events = f.events_after(seq).await;
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    let Subject::User(id) = &event.subject else {
        panic!("{event:?}")
    };
    assert_eq!(Some(id), of("7").erased.first());
}

/// However much there is, no transaction takes long; and each part says where the next one begins.
pub async fn goes_in_batches(f: &impl Fixture) {
    for _ in 0..3 {
        let session = f.log_in("7", None).await;
        ok(f.store().sight(&seen(session.id, "8")).await);
        ok(f.store().sight(&seen(session.id, "7")).await);
    }
    let seq = revoke(f, "7").await;
    for (removed, left) in [(1, 2), (1, 1), (1, 0), (0, 0)] {
        let erased = ok(f.store().erase_sessions("7", seq, 1).await);
        assert_eq!(erased.sessions, removed);
        assert_eq!(handles(f, "7").await.len(), left);
    }
    let (mut from, mut parts) = (Some(0), Vec::new());
    while let Some(at) = from {
        let Swept { removed, next } = ok(f.store().erase_sightings("7", at, 2).await);
        parts.push(removed);
        from = next;
    }
    assert_eq!(parts, [1, 1, 1, 0]);
    assert_eq!((sightings(f, "7").await, sightings(f, "8").await), (0, 3));
}

/// What began after the revocation was not to be erased.
pub async fn spares_a_login_that_began_later(f: &impl Fixture) {
    f.log_in("7", None).await;
    let seq = revoke(f, "7").await;
    let later = f.log_in("7", None).await;
    assert_eq!(
        ok(f.store().erase_sessions("7", seq, MANY).await).sessions,
        1
    );
    ok(f.store().hide_cutoffs(&of("7")).await);
    assert_eq!(handles(f, "7").await, [later.id]);
    assert!(f.is_live(&later.key).await);
}

/// Under the digest as under the id, and no longer.
pub async fn keeps_old_logins_ended(f: &impl Fixture) {
    revoke(f, "7").await;
    ok(f.store().hide_cutoffs(&of("7")).await);
    assert_eq!(adopt(f, &[&legacy("late")], "7").await, Adopted::CutOff);
    assert_eq!(lives(f, &legacy("late")).await, [false]);
    made(f, &[&legacy("of another")], "8").await;

    let session = f.log_in("7", None).await;
    let (old, tenant_id) = (legacy("later"), None);
    let attachment = Attachment {
        session_key: session.key,
        group: session.group.clone(),
        user_id: "7".into(),
        tenant_id,
        rows: proven(&[&old], &old.sid(), Timestamp::default()),
        erased: of("7").erased,
    };
    assert_eq!(ok(f.store().attach(&attachment).await), Attached::CutOff);

    let long_ago = f.seconds_from_now(-25 * 3_600);
    f.run(&format!("UPDATE sidgate_legacy_cutoff SET at = {long_ago}"))
        .await;
    ok(f.store()
        .forget_legacy(Duration::from_secs(86_400), MANY)
        .await);
    made(f, &[&legacy("after the tombstones")], "7").await;
}

/// In whichever order they are committed, the old login comes too late.
pub async fn meets_an_old_login_of_the_same_moment(f: &impl Fixture) {
    for round in 0..24 {
        let (login, user) = (legacy(&round.to_string()), format!("user-{round}"));
        revoke(f, &user).await;
        let adoption = adoption(f, &[&login], &user).await;
        let person = of(&user);
        let (adopted, hidden) = tokio::join!(
            f.store().adopt(&adoption),
            f.other_node().hide_cutoffs(&person)
        );
        ok(hidden);
        assert_eq!(ok(adopted), Adopted::CutOff, "{round}");
        assert!(!f.is_live(&login.session_key()).await, "{round}");
    }
}
