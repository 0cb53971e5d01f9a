//! Old logins and revocations: a user who was logged out must not come back by an old login that is presented later.

use super::groups::group;
use super::legacy::{adopt, adoption, legacy, legacy_in, lives, made, of, ok, proven};
use super::members::member;
use super::*;
use session_core::keys::legacy::LegacyLogin;
use session_core::session::RevokeReason;
use session_core::store::{Adopted, Attached, Attachment, Scope};

const DAY: Duration = Duration::from_secs(86_400);
/// Of every old login here.
const TENANT: &str = "t1";

/// Every way to end more than one session of user `7`, who is of [`TENANT`].
fn scopes() -> [Scope; 4] {
    [
        Scope::User("7".into()),
        Scope::Tenant(TENANT.into()),
        Scope::All,
        Scope::Others {
            user_id: "7".into(),
            keep: some_key(),
            group: None,
        },
    ]
}

async fn revoke(f: &impl Fixture, scope: &Scope) {
    ok(f.store().revoke(scope, RevokeReason::Admin).await);
}

/// Adopts an old login of user `7` that was proved at this time.
async fn adopt_proved(f: &impl Fixture, login: &LegacyLogin, proved: Timestamp) -> Adopted {
    let mut adoption = adoption(f, &[login], "7").await;
    adoption.session.identity = identity(json!({"user": {"id": "7"}, "tenant_id": TENANT}));
    adoption.rows = proven(&[login], &login.sid(), proved);
    ok(f.store().adopt(&adoption).await)
}

async fn attach(
    f: &impl Fixture,
    login: &LegacyLogin,
    to: &LegacyLogin,
    proved: Timestamp,
) -> Attached {
    let attachment = Attachment {
        erased: of("7").erased,
        session_key: to.session_key(),
        group: to.group().clone(),
        user_id: "7".into(),
        tenant_id: None,
        rows: proven(&[login], &to.sid(), proved),
    };
    ok(f.store().attach(&attachment).await)
}

/// Whichever revocation it was: the login is known as ended afterwards, and a login of somebody else is not concerned.
pub async fn end_with_a_revocation_before_they_come(f: &impl Fixture) {
    for (number, scope) in scopes().iter().enumerate() {
        let login = legacy(&number.to_string());
        revoke(f, scope).await;
        let adopted = adopt_proved(f, &login, Timestamp::default()).await;
        assert_eq!(adopted, Adopted::CutOff, "{scope:?}");
        assert_eq!(lives(f, &login).await, [false], "{scope:?}");
        assert_eq!(ok(f.store().load(&login.session_key()).await).row, None);
        let other = adopt(f, &[&legacy(&format!("other {number}"))], "8").await;
        let spared = matches!(other, Adopted::Made(_));
        assert_eq!(spared, !matches!(scope, Scope::All), "{scope:?}");
        f.run("DELETE FROM sidgate_legacy_cutoff").await;
        let again = adopt_proved(f, &login, Timestamp::default()).await;
        assert_eq!(again, Adopted::Known, "{scope:?}");
    }
}

/// A login that was proved after the revocation is adopted.
pub async fn newer_than_the_revocation_come(f: &impl Fixture) {
    for (number, scope) in scopes().iter().enumerate() {
        revoke(f, scope).await;
        let proved = f.now().await.plus(Duration::from_secs(1));
        let adopted = adopt_proved(f, &legacy(&number.to_string()), proved).await;
        assert!(matches!(adopted, Adopted::Made(_)), "{scope:?}");
    }
}

/// Of several credentials those that are too old end, and the others are as if they had not come.
pub async fn are_ended_one_by_one(f: &impl Fixture) {
    let (old, new) = (legacy("old"), legacy("new"));
    revoke(f, &Scope::User("7".into())).await;
    let proved = f.now().await.plus(Duration::from_secs(1));
    let mut both = adoption(f, &[&old, &new], "7").await;
    both.rows = proven(&[&old], &old.sid(), Timestamp::default());
    both.rows.extend(proven(&[&new], &old.sid(), proved));
    assert_eq!(ok(f.store().adopt(&both).await), Adopted::CutOff);
    assert_eq!(lives(f, &old).await, [false]);
    assert!(lives(f, &new).await.is_empty());
    let adopted = adopt_proved(f, &new, proved).await;
    assert!(matches!(adopted, Adopted::Made(_)), "{adopted:?}");
}

/// A revocation by SQL ends old logins too.
pub async fn end_with_a_revocation_by_sql(f: &impl Fixture) {
    let upsert = "INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', '7') \
        ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL";
    for name in ["first", "second"] {
        f.run(upsert).await;
        let adopted = adopt_proved(f, &legacy(name), Timestamp::default()).await;
        assert_eq!(adopted, Adopted::CutOff, "{name}");
        f.run("DELETE FROM sidgate_legacy_cutoff").await;
    }
}

/// Longer than the revocation that ended it, and not longer than it was told.
pub async fn stay_ended_as_long_as_tombstones_are_kept(f: &impl Fixture) {
    let ended = async |name: &str| {
        let adopted = adopt_proved(f, &legacy(name), Timestamp::default()).await;
        adopted == Adopted::CutOff
    };
    revoke(f, &Scope::User("7".into())).await;
    let long_ago = f.seconds_from_now(-41 * 60);
    f.run(&format!("UPDATE sidgate_event SET at = {long_ago}"))
        .await;
    revoke(f, &Scope::User("8".into())).await;
    ok(f.store().housekeep(100).await);
    assert_eq!(ok(f.store().housekeep(100).await).revocations, 1);
    assert_eq!(ok(f.store().forget_legacy(DAY, 100).await), 0);
    assert!(ended("after the revocation has gone").await);
    let long_ago = f.seconds_from_now(-25 * 3_600);
    f.run(&format!(
        "UPDATE sidgate_legacy_cutoff SET at = {long_ago} WHERE kind = 'user'"
    ))
    .await;
    assert_eq!(ok(f.store().forget_legacy(DAY, 1).await), 1);
    assert_eq!(ok(f.store().forget_legacy(DAY, 100).await), 1);
    assert!(!ended("after the tombstones have gone").await);
}

/// Another credential of a session leads to it, opens it, and ends with it.
pub async fn join_a_session(f: &impl Fixture) {
    let (first, second) = (legacy("first"), legacy("second"));
    made(f, &[&first], "7").await;
    let proved = Timestamp::default();
    assert_eq!(attach(f, &second, &first, proved).await, Attached::Done);
    assert_eq!(attach(f, &second, &first, proved).await, Attached::Changed);
    let rows = ok(f.other_node().recall(&second.keys()).await).rows;
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(row.session_key, first.session_key());
    assert!(second.unwrap_sid(&row.row) == Some(first.sid()));
    assert_eq!(lives(f, &second).await, [true]);
    revoke(f, &Scope::Key(first.session_key())).await;
    assert_eq!(lives(f, &second).await, [false]);
    assert_eq!(adopt(f, &[&second], "7").await, Adopted::Known);
}

/// A credential joins neither an ended session nor one that does not exist.
pub async fn join_none_that_has_ended(f: &impl Fixture) {
    let (ended, login) = (legacy("ended"), legacy("login"));
    let proved = Timestamp::default();
    assert_eq!(attach(f, &login, &ended, proved).await, Attached::Changed);
    made(f, &[&ended], "7").await;
    revoke(f, &Scope::Key(ended.session_key())).await;
    assert_eq!(attach(f, &login, &ended, proved).await, Attached::Changed);
    assert!(lives(f, &login).await.is_empty());
}

/// The session that has logged all others out stays, and nothing older joins it.
pub async fn do_not_join_after_a_revocation(f: &impl Fixture) {
    let (kept, old, new) = (legacy("kept"), legacy("old"), legacy("new"));
    made(f, &[&kept], "7").await;
    let others = Scope::Others {
        user_id: "7".into(),
        keep: kept.session_key(),
        group: None,
    };
    revoke(f, &others).await;
    let long_ago = Timestamp::default();
    assert_eq!(attach(f, &old, &kept, long_ago).await, Attached::CutOff);
    assert_eq!(lives(f, &old).await, [false]);
    let proved = f.now().await.plus(Duration::from_secs(1));
    assert_eq!(attach(f, &new, &kept, proved).await, Attached::Done);
    assert_eq!(lives(f, &kept).await, [true]);
}

/// In whichever order they are committed, the login does not outlive the revocation.
pub async fn meet_a_revocation_of_the_same_moment(f: &impl Fixture) {
    for round in 0..24 {
        let (login, user) = (legacy(&round.to_string()), format!("user-{round}"));
        let adoption = adoption(f, &[&login], &user).await;
        let others = |group| Scope::Others {
            user_id: user.as_str().into(),
            keep: some_key(),
            group,
        };
        let scope = match round % 4 {
            0 => others(None),
            1 => others(Some(Group::default())),
            2 => member("default", &user),
            _ => Scope::User(user.as_str().into()),
        };
        let (adopted, revoked) = tokio::join!(
            f.store().adopt(&adoption),
            f.other_node().revoke(&scope, RevokeReason::Admin)
        );
        ok(revoked);
        let live = f.is_live(&login.session_key()).await;
        assert!(!live, "{scope:?} beside {adopted:?}");
        assert!(!lives(f, &login).await.contains(&true), "{scope:?}");
    }
}

fn others(name: &str, keep: SessionKey) -> Scope {
    Scope::Others {
        user_id: "7".into(),
        keep,
        group: Some(group(name)),
    }
}

/// Old logins of the group come too late, those of others do not.
pub async fn end_with_a_revocation_within_their_group(f: &impl Fixture) {
    let (shop, blog) = (group("shop"), group("blog"));
    let ways = [member("shop", "7"), others("shop", some_key())];
    for (number, scope) in ways.iter().enumerate() {
        let name = number.to_string();
        revoke(f, scope).await;
        let late = legacy_in(&shop, &name);
        assert_eq!(adopted(f, &late).await, Adopted::CutOff, "{scope:?}");
        assert_eq!(lives(f, &late).await, [false], "{scope:?}");
        made(f, &[&legacy_in(&blog, &name)], "7").await;
        made(f, &[&legacy_in(&shop, &format!("8{name}"))], "8").await;
        f.run("DELETE FROM sidgate_legacy_cutoff").await;
    }
    ok(f.store().cut_off("7", &shop).await);
    assert_eq!(adopted(f, &legacy_in(&shop, "2")).await, Adopted::CutOff);
    let kept = legacy_in(&blog, "2");
    made(f, &[&kept], "7").await;
    let (more, proved) = (legacy_in(&blog, "3"), Timestamp::default());
    assert_eq!(attach(f, &more, &kept, proved).await, Attached::Done);
    revoke(f, &others("blog", kept.session_key())).await;
    let late = legacy_in(&blog, "4");
    assert_eq!(attach(f, &late, &kept, proved).await, Attached::CutOff);
}

async fn adopted(f: &impl Fixture, login: &LegacyLogin) -> Adopted {
    let adoption = adoption(f, &[login], "7").await;
    ok(f.store().adopt(&adoption).await)
}
