//! Logins of the old system: each becomes one session, and none comes back.

use super::*;
use session_core::keys::legacy::{Credential, LegacyLogin};
use session_core::keys::person::Person;
use session_core::keys::{Keyring, MasterKey};
use session_core::session::RevokeReason;
use session_core::sid::Sid;
use session_core::store::{
    Adopted, Adoption, ProvenRow, Recalled, Scope, Seen, StoreError, StoreResult,
};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

fn keys() -> Keyring {
    Keyring::new(MasterKey::from_bytes([9; 32]), vec![])
}

/// By which names a user is known.
pub(super) fn of(user: &str) -> Person {
    keys().person(user)
}

/// An old credential, beside others of the same test.
pub(super) fn legacy(value: &str) -> LegacyLogin {
    legacy_in(&Group::default(), value)
}

/// The same cookie on a site of `group`.
pub(super) fn legacy_in(group: &Group, value: &str) -> LegacyLogin {
    let credential = Credential {
        name: value,
        value: value.as_bytes(),
    };
    keys().legacy(credential, group)
}

/// The session of the first of these, and what is stored of all.
pub(super) async fn adoption(f: &impl Fixture, logins: &[&LegacyLogin], user: &str) -> Adoption {
    let Some(first) = logins.first() else {
        panic!("no credential")
    };
    let mut session = login(user, None);
    session.key = first.session_key();
    session.group = first.group().clone();
    session.sampled = f.head().await;
    session.origin = Origin::Adoption {
        proved: Timestamp::default(),
    };
    Adoption {
        erased: of(user).erased,
        session,
        rows: proven(logins, &first.sid(), Timestamp::default()),
        kept: None,
    }
}

pub(super) fn proven(logins: &[&LegacyLogin], sid: &Sid, proved: Timestamp) -> Vec<ProvenRow> {
    let rows = logins.iter().flat_map(|login| login.rows(sid));
    let mut rows: Vec<_> = rows.map(|row| ProvenRow { row, proved }).collect();
    rows.sort_by_key(|proven| proven.row.key);
    rows
}

pub(super) async fn adopt(f: &impl Fixture, logins: &[&LegacyLogin], user: &str) -> Adopted {
    let adoption = adoption(f, logins, user).await;
    ok(f.store().adopt(&adoption).await)
}

pub(super) async fn made(f: &impl Fixture, logins: &[&LegacyLogin], user: &str) -> Session {
    match adopt(f, logins, user).await {
        Adopted::Made(session) => *session,
        other => panic!("{other:?}"),
    }
}

async fn recall(f: &impl Fixture, login: &LegacyLogin) -> Recalled {
    ok(f.other_node().recall(&login.keys()).await)
}

/// Whether each known credential leads to a live session.
pub(super) async fn lives(f: &impl Fixture, login: &LegacyLogin) -> Vec<bool> {
    let Recalled { now, rows } = recall(f, login).await;
    rows.iter().map(|row| row.is_live(now)).collect()
}

/// A credential that was never migrated is unknown, which is not ended.
pub async fn knows_nothing_of_a_new_login(f: &impl Fixture) {
    assert!(recall(f, &legacy("a")).await.rows.is_empty());
    assert_eq!(ok(f.store().kept(&some_key()).await), None);
}

/// Session and credentials are there together, for every node, and no event tells of them.
pub async fn stores_session_and_credentials(f: &impl Fixture) {
    let (a, b) = (legacy("a"), legacy("b"));
    let session = made(f, &[&a, &b], "7").await;
    assert_eq!(session, f.row(&a.session_key()).await.session);
    assert_eq!(session.auth_time, Timestamp::default());
    assert_eq!(f.head().await, 0, "nobody can have cached it");
    for alone in [&a, &b] {
        let rows = recall(f, alone).await.rows;
        let [row] = rows.as_slice() else {
            panic!("{rows:?}")
        };
        assert_eq!(row.session_key, a.session_key());
        assert_eq!(row.session.as_ref().map(|row| &row.session), Some(&session));
        assert!(alone.unwrap_sid(&row.row) == Some(a.sid()));
    }
}

/// One known credential is enough, and then nothing is stored: no session, no other credential.
pub async fn never_adopts_twice(f: &impl Fixture) {
    let (a, b) = (legacy("a"), legacy("b"));
    made(f, &[&a], "7").await;
    assert_eq!(adopt(f, &[&b, &a], "7").await, Adopted::Known);
    assert_eq!(adopt(f, &[&a], "8").await, Adopted::Known);
    assert!(recall(f, &b).await.rows.is_empty());
    let absent = ok(f.store().load(&b.session_key()).await);
    assert!(absent.row.is_none());
    let row = f.row(&a.session_key()).await;
    assert_eq!(row.session.identity.user_id(), "7");
}

/// Two nodes at once, credentials in either order: one of them makes the session.
pub async fn lets_one_of_two_adopt(f: &impl Fixture) {
    for round in 0..8 {
        let (a, b) = (legacy(&format!("a{round}")), legacy(&format!("b{round}")));
        let first = adoption(f, &[&a, &b], "7").await;
        let second = adoption(f, &[&b, &a], "7").await;
        let (first, second) = tokio::join!(f.store().adopt(&first), f.other_node().adopt(&second));
        let is_made = |adopted: &Adopted| matches!(adopted, Adopted::Made(_));
        let made = [ok(first), ok(second)]
            .iter()
            .filter(|one| is_made(one))
            .count();
        assert_eq!(made, 1);
        assert_eq!(lives(f, &a).await, [true]);
        assert_eq!(lives(f, &b).await, [true]);
    }
}

/// Like every login (R8); and then nothing is stored. When it comes again, it is known to have ended.
pub async fn fails_after_a_mass_revocation(f: &impl Fixture) {
    let login = legacy("a");
    let early = adoption(f, &[&login], "7").await;
    ok(f.store()
        .revoke(&Scope::User("7".into()), RevokeReason::Admin)
        .await);
    let refused = f.store().adopt(&early).await;
    assert!(
        matches!(refused, Err(StoreError::RevokedMeanwhile)),
        "{refused:?}"
    );
    assert!(recall(f, &login).await.rows.is_empty());
    assert_eq!(adopt(f, &[&login], "7").await, Adopted::CutOff);
    assert_eq!(lives(f, &login).await, [false]);
}

/// However the session ends, its login is known as ended and makes no other session.
pub async fn stays_ended(f: &impl Fixture) {
    let key = |login: &LegacyLogin| f.bytes(login.session_key().as_bytes());
    for end in [
        "logout",
        "user",
        "expiry",
        "idle",
        "sql",
        "delete",
        "delete-all",
    ] {
        let login = legacy(end);
        made(f, &[&login], end).await;
        assert_eq!(lives(f, &login).await, [true], "{end}");
        let of = format!("WHERE session_key = {}", key(&login));
        let revoke = async |scope| {
            ok(f.store().revoke(&scope, RevokeReason::Logout).await);
        };
        let (past, now) = (f.seconds_from_now(-9_000), f.seconds_from_now(0));
        match end {
            "logout" => revoke(Scope::Key(login.session_key())).await,
            "user" => revoke(Scope::User(end.into())).await,
            "expiry" => {
                f.run(&format!(
                    "UPDATE sidgate_session SET expires_at = {past} {of}"
                ))
                .await
            }
            "idle" => {
                f.run(&format!(
                    "UPDATE sidgate_session SET last_activity = {past} {of}"
                ))
                .await
            }
            "sql" => {
                f.run(&format!(
                    "UPDATE sidgate_session SET revoked_at = {now} {of}"
                ))
                .await
            }
            "delete" => f.run(&format!("DELETE FROM sidgate_session {of}")).await,
            _ => f.run("DELETE FROM sidgate_session").await,
        }
        assert_eq!(lives(f, &login).await, [false], "{end}");
        assert_ne!(lives(f, &login).await, [true], "{end}");
        let again = adopt(f, &[&login], end).await;
        let known = matches!(again, Adopted::Known | Adopted::CutOff);
        assert!(known, "{end}: {again:?}");
    }
}

/// Housekeeping removes the session; the tombstone stays for its own time, and not longer.
pub async fn outlives_the_session_for_a_while(f: &impl Fixture) {
    let (old, fresh, live) = (legacy("old"), legacy("fresh"), legacy("live"));
    for login in [&old, &fresh] {
        made(f, &[login], "7").await;
        let scope = Scope::Key(login.session_key());
        ok(f.store().revoke(&scope, RevokeReason::Logout).await);
    }
    made(f, &[&live], "7").await;
    let long_ago = f.seconds_from_now(-25 * 3_600);
    f.run(&format!(
        "UPDATE sidgate_session SET revoked_at = {long_ago} WHERE revoked_at IS NOT NULL"
    ))
    .await;
    assert_eq!(ok(f.store().housekeep(100).await).sessions, 2);
    assert_eq!(ok(f.store().forget_legacy(DAY, 100).await), 0, "not yet");
    for login in [&old, &fresh] {
        assert_eq!(lives(f, login).await, [false]);
        assert_eq!(adopt(f, &[login], "7").await, Adopted::Known);
    }
    let key: String = old
        .keys()
        .iter()
        .map(|key| f.bytes(key.as_bytes()))
        .collect();
    f.run(&format!(
        "UPDATE sidgate_legacy SET ended_at = {long_ago} WHERE legacy_key = {key}"
    ))
    .await;
    assert_eq!(ok(f.store().forget_legacy(DAY, 100).await), 1);
    assert!(recall(f, &old).await.rows.is_empty());
    assert_eq!(lives(f, &fresh).await, [false]);
    assert_eq!(lives(f, &live).await, [true]);
}

/// A little at a time.
pub async fn forgets_in_batches(f: &impl Fixture) {
    for name in ["a", "b", "c"] {
        made(f, &[&legacy(name)], "7").await;
    }
    let long_ago = f.seconds_from_now(-25 * 3_600);
    f.run(&format!("UPDATE sidgate_legacy SET ended_at = {long_ago}"))
        .await;
    assert_eq!(ok(f.store().forget_legacy(DAY, 2).await), 2);
    assert_eq!(ok(f.store().forget_legacy(DAY, 2).await), 1);
    assert_eq!(ok(f.store().forget_legacy(DAY, 2).await), 0);
}

/// What is kept for a rollback goes with the session.
pub async fn keeps_the_old_cookies_as_long_as_the_session(f: &impl Fixture) {
    let (login, other) = (legacy("a"), legacy("b"));
    let mut adoption = adoption(f, &[&login, &other], "7").await;
    adoption.kept = Some(b"sealed".to_vec());
    let adopted = ok(f.store().adopt(&adoption).await);
    assert!(matches!(adopted, Adopted::Made(_)), "{adopted:?}");
    let key = login.session_key();
    assert_eq!(
        ok(f.other_node().kept(&key).await).as_deref(),
        Some(&b"sealed"[..])
    );
    ok(f.store()
        .revoke(&Scope::Key(key), RevokeReason::Logout)
        .await);
    assert_eq!(ok(f.store().kept(&key).await), None);
}

/// Nodes add to the same sums; what is more than a week old goes.
pub async fn tallies_what_is_seen(f: &impl Fixture) {
    let seen = |what: &str, times| Seen {
        what: what.into(),
        times,
    };
    let first = [seen("a", 1), seen("b", 2)];
    ok(f.store().tally(&first).await);
    ok(f.other_node().tally(&[seen("b", 3)]).await);
    ok(f.store().tally(&[]).await);
    let tally = ok(f.store().tallied().await);
    let mut sums: Vec<_> = tally
        .seen
        .iter()
        .map(|(_, seen)| (&*seen.what, seen.times))
        .collect();
    sums.sort_unstable();
    // The hour may have changed between the two.
    let of = |what| {
        sums.iter()
            .filter(|sum| sum.0 == what)
            .map(|sum| sum.1)
            .sum::<u64>()
    };
    assert_eq!((of("a"), of("b")), (1, 5));
    assert!(
        tally
            .seen
            .iter()
            .all(|(hour, _)| (tally.hour - 1..=tally.hour).contains(hour))
    );
    ok(f.store().forget_legacy(DAY, 100).await);
    assert_eq!(ok(f.store().tallied().await).seen, tally.seen);
}
