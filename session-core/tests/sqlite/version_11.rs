//! Programs of version 11 beside those that know groups, over one file: what the one writes, the other understands.

use session_core::store::sqlite::plan_of_a_new_file;
use session_core::store::{InspectStore as _, SCHEMA_VERSION, SchemaFit};

use super::*;

/// The statements of a program of version 11.
struct Old(Connection);

impl Old {
    fn log_in(&self, n: u8, clock: &ManualClock) {
        let sql = "\
            INSERT INTO sidgate_session (session_key, id, user_id, tenant_id, identity, ip, user_agent, \
                created_at, auth_time, last_activity, expires_at, idle_seconds, ref, created_seq) \
            SELECT ?1, ?2, '7', NULL, '{\"user\": {\"id\": \"7\"}}', NULL, '', ?3, ?3, ?3, ?3 + 3600000000, 0, NULL, seq \
            FROM sidgate_clock";
        let id = Uuid::from_u128(u128::from(n)).to_string();
        let now = clock.wall().as_micros();
        let stored = self.0.execute(sql, (&[n; 32], id, now)).unwrap();
        assert_eq!(stored, 1);
    }

    /// Whether the session lives.
    fn finds(&self, n: u8) -> bool {
        let sql = "\
            SELECT s.revoked_at IS NULL AND s.created_seq >= coalesce( \
                (SELECT max(coalesce(r.seq, 9223372036854775807)) FROM sidgate_revocation r \
                 WHERE r.kind = 'user' AND r.subject = s.user_id OR r.kind = 'tenant' AND r.subject = s.tenant_id \
                    OR r.kind = 'all' AND r.subject = ''), 0) \
            FROM sidgate_clock c LEFT JOIN sidgate_session s ON s.session_key = ?1";
        self.0.query_row(sql, [&[n; 32]], |row| row.get(0)).unwrap()
    }

    fn revoke_user(&self) {
        let sql = "\
            INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', '7') \
            ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL";
        self.0.execute_batch(sql).unwrap();
    }

    fn events(&self) -> Vec<(String, Option<String>)> {
        let sql =
            "SELECT kind, user_id FROM (SELECT * FROM sidgate_event ORDER BY seq LIMIT 100) e";
        let mut statement = self.0.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Removes mass revocations; how many.
    fn keep_house(&self) -> usize {
        let sql = "\
            DELETE FROM sidgate_revocation WHERE (kind, subject) IN ( \
                SELECT q.kind, q.subject FROM sidgate_revocation q \
                WHERE q.seq < (SELECT min(seq) FROM sidgate_event) \
                  AND NOT EXISTS (SELECT 1 FROM sidgate_session s WHERE q.kind = 'user' \
                                  AND s.user_id = q.subject AND s.revoked_at IS NULL AND s.created_seq < q.seq) \
                  AND NOT EXISTS (SELECT 1 FROM sidgate_session s WHERE q.kind = 'tenant' \
                                  AND s.tenant_id = q.subject AND s.revoked_at IS NULL AND s.created_seq < q.seq) \
                  AND NOT EXISTS (SELECT 1 FROM sidgate_session s WHERE q.kind = 'all' \
                                  AND s.revoked_at IS NULL AND s.created_seq < q.seq) \
                ORDER BY q.seq LIMIT 100)";
        self.0.execute(sql, ()).unwrap()
    }
}

async fn lives(store: &SqliteStore, n: u8) -> bool {
    let snapshot = store.load(&SessionKey::from_bytes([n; 32])).await.unwrap();
    let row = snapshot.row.unwrap();
    row.verdict(snapshot.now).is_ok()
}

#[tokio::test]
async fn what_was_there_before_is_of_the_default_group() {
    let file = File::new();
    let store = file.bare().await;
    let plan = plan_of_a_new_file().replace(".bail on\n", "");
    let (before, _) = plan.split_once("\n-- Version 12\n").unwrap();
    file.shell()
        .execute_batch(&format!("{before}\nCOMMIT;"))
        .unwrap();
    let old = Old(file.shell());
    old.log_in(1, &file.clock);
    old.revoke_user();
    old.log_in(2, &file.clock);
    let status = store.schema_status().await.unwrap();
    assert_eq!((status.found, status.fit()), (11, SchemaFit::Behind));

    store.apply_schema().await.unwrap();

    let status = store.schema_status().await.unwrap();
    assert_eq!((status.found, status.works_from), (SCHEMA_VERSION, 11));
    assert!(!lives(&store, 1).await && lives(&store, 2).await);
    let row = store
        .load(&SessionKey::from_bytes([2; 32]))
        .await
        .unwrap()
        .row;
    let session = row.unwrap().session;
    assert!(session.group.is_default() && session.site.is_default());
    assert_eq!(store.head().await.unwrap(), 1, "no event");
    let cutoffs =
        "SELECT count(*) FROM sidgate_legacy_cutoff WHERE kind = 'user' AND subject = '7'";
    let kept: i64 = file
        .shell()
        .query_row(cutoffs, (), |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn programs_of_version_11_go_on() {
    let file = File::new();
    let store = file.store().await;
    let old = Old(file.shell());
    let shop = Group::named("shop").unwrap();
    let new = NewSession {
        group: shop.clone(),
        ..login(1)
    };
    store.insert(&new).await.unwrap();
    old.log_in(2, &file.clock);
    assert!(lives(&store, 2).await && old.finds(2));
    let listed = store.list_by_user("7", &Group::default(), None, 10).await;
    assert_eq!(listed.unwrap().len(), 1, "of the default group");
    let member = Scope::Member {
        user_id: "7".into(),
        group: shop,
    };
    let head = store
        .revoke(&member, RevokeReason::Admin)
        .await
        .unwrap()
        .seq;
    assert!(!lives(&store, 1).await && lives(&store, 2).await && old.finds(2));
    let told = old.events().pop();
    assert_eq!(told, Some(("user".to_owned(), Some("7".to_owned()))));

    // Its event goes. What it has ended is not marked yet: so it stays, whoever keeps house.
    old.revoke_user();
    let gone = format!("DELETE FROM sidgate_event WHERE seq <= {head}");
    old.0.execute_batch(&gone).unwrap();
    assert_eq!(old.keep_house(), 0);
    assert!(!lives(&store, 1).await && !lives(&store, 2).await && !old.finds(2));
}
