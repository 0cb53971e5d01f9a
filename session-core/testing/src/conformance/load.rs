//! Reading: what is there, and which events are included in what was read.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::Scope;

/// "There is no such session" is an answer, and it says of when it is.
pub async fn knows_an_absent_session(f: &impl Fixture) {
    let gone = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::Key(gone.key), RevokeReason::Logout)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    match f.store().load(&some_key()).await {
        Ok(snapshot) => {
            assert_eq!(snapshot.row, None);
            assert_eq!(snapshot.as_of, 1);
        }
        Err(error) => panic!("absent is not an error: {error:?}"),
    }
}

/// `as_of` is the head, the clock is the store's, the incarnation stays.
pub async fn reports_the_head_of_its_snapshot(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    for scope in [Scope::User("x".into()), Scope::User("7".into())] {
        let revoked = f.store().revoke(&scope, RevokeReason::Admin).await;
        let seq = revoked.map(|revoked| revoked.seq).ok();
        let before = f.now().await;
        let loaded = f.store().load(&session.key).await;
        let loaded = loaded.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(Some(loaded.as_of), seq);
        assert!((before..=f.now().await).contains(&loaded.now));
        let pulse = f
            .store()
            .pulse(Uuid::nil(), 0)
            .await
            .map(|pulse| pulse.incarnation);
        assert_eq!(pulse.ok(), Some(loaded.incarnation));
    }
    let row = f.row(&session.key).await;
    assert_eq!(row.mass_revoked, Some(2));
    assert_eq!(
        row.session.revoked, None,
        "a mass revocation writes no rows"
    );
}

/// A row is never older than its `as_of` says: whoever reads while another revokes sees both or neither.
pub async fn never_mixes_snapshots(f: &impl Fixture) {
    for _ in 0..25 {
        let session = f.log_in("7", None).await;
        let before = f.head().await;
        let revoke = async {
            tokio::task::yield_now().await;
            f.other_node()
                .revoke(&Scope::Key(session.key), RevokeReason::Logout)
                .await
        };
        let read = async {
            let mut seen = Vec::new();
            for _ in 0..8 {
                match f.store().load(&session.key).await {
                    Ok(snapshot) => seen.push(snapshot),
                    Err(error) => panic!("load: {error:?}"),
                }
            }
            seen
        };
        let (revoked, seen) = tokio::join!(revoke, read);
        let revoked = revoked.unwrap_or_else(|error| panic!("revoke: {error:?}"));
        assert_eq!(revoked.seq, before + 1);
        for snapshot in seen {
            let included = snapshot.as_of >= revoked.seq;
            let dead = snapshot
                .row
                .is_some_and(|row| row.session.revoked.is_some());
            assert_eq!(dead, included, "as_of {}", snapshot.as_of);
        }
    }
}

/// By handle, dead or alive, with the revocation that names it.
pub async fn finds_by_handle(f: &impl Fixture) {
    let find = async |id| match f.store().find(id).await {
        Ok(found) => found,
        Err(error) => panic!("find: {error:?}"),
    };
    let session = f.log_in("7", None).await;
    assert_eq!(find(Uuid::from_u128(1)).await, None);
    let found = find(session.id).await;
    assert_eq!(found.map(|found| found.session), Some(session.clone()));
    let revoked = f.store().revoke(&Scope::All, RevokeReason::Admin).await;
    assert!(revoked.is_ok(), "{revoked:?}");
    assert_eq!(
        find(session.id).await.and_then(|found| found.mass_revoked),
        Some(1)
    );
    let ended = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::Key(ended.key), RevokeReason::Device)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let found = find(ended.id).await.and_then(|found| found.session.revoked);
    assert_eq!(found.map(|(_, reason)| reason), Some(RevokeReason::Device));
}

/// Latest activity first, as many as are asked for, and nobody else's.
pub async fn lists_by_latest_activity(f: &impl Fixture) {
    let mut ids = Vec::new();
    for age in [30, 10, 40, 20] {
        let session = f.log_in("7", None).await;
        let at = f.seconds_from_now(-age);
        f.set(session.id, &format!("last_activity = {at}")).await;
        ids.push((age, session.id));
    }
    f.log_in("8", None).await;
    ids.sort_unstable();
    let list = async |limit| match f
        .store()
        .list_by_user("7", &Group::default(), None, limit)
        .await
    {
        Ok(list) => list
            .into_iter()
            .map(|session| session.id)
            .collect::<Vec<_>>(),
        Err(error) => panic!("list: {error:?}"),
    };
    let newest_first: Vec<Uuid> = ids.iter().map(|&(_, id)| id).collect();
    assert_eq!(list(10).await, newest_first);
    assert_eq!(
        list(2).await,
        newest_first.iter().copied().take(2).collect::<Vec<_>>()
    );
    assert!(list(0).await.is_empty());
}

/// Page after page, the list is the same as at once; also where sessions were used at the same moment.
pub async fn lists_by_page(f: &impl Fixture) {
    let mut ids = Vec::new();
    for nth in 0..7 {
        let session = f.log_in("7", None).await;
        let at = f.seconds_from_now(-10 - nth / 3);
        f.set(session.id, &format!("last_activity = {at}")).await;
        ids.push(session.id);
    }
    f.log_in("8", None).await;
    let page = async |after, limit| match f
        .store()
        .list_by_user("7", &Group::default(), after, limit)
        .await
    {
        Ok(list) => list,
        Err(error) => panic!("list: {error:?}"),
    };
    let whole = page(None, 100).await;
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let next = page(after, 2).await;
        let Some(last) = next.last() else { break };
        after = Some(last.place());
        pages.extend(next);
    }
    assert_eq!(pages, whole);
    let mut listed: Vec<_> = whole.iter().map(|device| device.id).collect();
    listed.sort_unstable();
    ids.sort_unstable();
    assert_eq!(listed, ids);
}

/// Neither the revoked, nor the expired, nor the idle, nor those whose tenant was revoked.
pub async fn lists_only_the_living(f: &impl Fixture) {
    let tenants = f.log_in("7", Some("t1")).await;
    let revoked = f
        .store()
        .revoke(&Scope::Tenant("t1".into()), RevokeReason::Admin)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let expired = f.log_in("7", None).await;
    let idle = f.log_in("7", None).await;
    let ended = f.log_in("7", None).await;
    let live = f.log_in("7", None).await;
    f.set(
        expired.id,
        &format!("expires_at = {}", f.seconds_from_now(-1)),
    )
    .await;
    f.set(
        idle.id,
        &format!("last_activity = {}", f.seconds_from_now(-601)),
    )
    .await;
    let revoked = f
        .store()
        .revoke(&Scope::Key(ended.key), RevokeReason::Logout)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let list = f
        .store()
        .list_by_user("7", &Group::default(), None, 10)
        .await;
    assert_eq!(list.unwrap_or_default(), [live.into()]);
    for dead in [tenants, expired, idle, ended] {
        assert!(!f.is_live(&dead.key).await, "a list and a load agree");
    }
}
