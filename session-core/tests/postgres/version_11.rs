//! Programs of version 11 beside those that know groups, over one schema: what the one writes, the other understands.

use session_core::store::{InspectStore as _, SCHEMA_VERSION, SchemaFit};
use tokio_postgres::{Client, Row};

use super::*;

/// A database that version 11 has left behind.
async fn version_11() -> TestDatabase {
    let database = TestPostgres::shared().bare_database();
    let plan = database.store().schema_plan().await.unwrap().unwrap();
    let (before, _) = plan.split_once("\n-- Version 12\n").unwrap();
    database.psql(&format!("{before}\nCOMMIT;")).unwrap();
    database
}

/// The statements of a program of version 11.
struct Old(Client);

/// Number of the newest mass revocation that names a session `s`, as far as version 11 knows.
const MASS_REVOKED: &str = "\
    GREATEST((SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r WHERE r.kind = 'user' AND r.subject = s.user_id), \
     (SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r WHERE r.kind = 'tenant' AND r.subject = s.tenant_id), \
     (SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r WHERE r.kind = 'all' AND r.subject = ''))";

impl Old {
    async fn log_in(&self, n: u8) {
        let sql = "\
            WITH newer AS MATERIALIZED ( \
                SELECT seq IS NULL OR seq > $3 AS newer FROM sidgate_revocation \
                WHERE kind = 'user' AND subject = '7' OR kind = 'tenant' AND subject = 't1' OR kind = 'all' AND subject = '' \
                FOR SHARE \
            ) \
            INSERT INTO sidgate_session AS s (session_key, id, user_id, tenant_id, identity, ip, user_agent, \
                created_at, auth_time, last_activity, expires_at, idle_seconds, ref, created_seq) \
            SELECT $1, $2, '7', 't1', '{\"user\": {\"id\": \"7\"}, \"tenant_id\": \"t1\"}', NULL, '', \
                t.now, t.now, t.now, t.now + interval '1 hour', 0, NULL, $3 \
            FROM (SELECT clock_timestamp() AS now) t WHERE NOT EXISTS (SELECT FROM newer WHERE newer) \
            RETURNING s.session_key";
        let (key, id) = ([n; 32], Uuid::from_u128(u128::from(n)));
        let head = self
            .one("SELECT seq FROM sidgate_clock")
            .await
            .get::<_, i64>(0);
        let stored = self.0.query(sql, &[&key.as_slice(), &id, &head]).await;
        assert_eq!(stored.unwrap().len(), 1);
    }

    /// Whether the session lives.
    async fn finds(&self, n: u8) -> bool {
        let sql = format!(
            "SELECT c.seq, s.session_key, s.id, s.identity::text AS identity, s.revoked_at, s.ref, s.renewed_at, \
                s.session_key IS NOT NULL AND s.revoked_at IS NULL AND s.created_seq >= coalesce({MASS_REVOKED}, 0) AS lives \
             FROM sidgate_clock c LEFT JOIN sidgate_session s ON s.session_key = sidgate_current_key($1)"
        );
        let row = self.0.query_one(&sql, &[&[n; 32].as_slice()]).await;
        row.unwrap().get("lives")
    }

    async fn renew(&self, n: u8, to: u8) {
        let sql = "\
            WITH renewed AS ( \
                UPDATE sidgate_session s \
                SET session_key = $2, renewed_at = clock_timestamp(), last_activity = clock_timestamp() \
                WHERE s.session_key = $1 AND s.revoked_at IS NULL RETURNING s.session_key \
            ), former AS ( \
                INSERT INTO sidgate_former_key (session_key, successor, until) \
                SELECT $1::bytea, $2::bytea, clock_timestamp() + interval '10 seconds' WHERE EXISTS (SELECT FROM renewed) \
            ) SELECT * FROM renewed";
        let (old, new) = ([n; 32], [to; 32]);
        let renewed = self.0.query(sql, &[&old.as_slice(), &new.as_slice()]).await;
        assert_eq!(renewed.unwrap().len(), 1);
    }

    async fn revoke_user(&self) {
        let sql = "\
            INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', '7') \
            ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL";
        self.0.batch_execute(sql).await.unwrap();
    }

    async fn adopt(&self, n: u8) {
        let sql = "\
            WITH own AS ( \
                INSERT INTO sidgate_legacy_cutoff AS c (kind, subject, at) VALUES ('user', '7', 'epoch') \
                ON CONFLICT (kind, subject) DO UPDATE SET at = c.at RETURNING at \
            ) INSERT INTO sidgate_legacy (legacy_key, wrapped_sid, session_key) \
            SELECT $1, $2, $1 WHERE EXISTS (SELECT FROM own)";
        let (key, wrapped) = ([n; 32], [n; 16]);
        let stored = self
            .0
            .execute(sql, &[&key.as_slice(), &wrapped.as_slice()])
            .await;
        assert_eq!(stored.unwrap(), 1);
    }

    /// Kinds and users of all events.
    async fn events(&self) -> Vec<(String, Option<String>)> {
        let sql = "\
            SELECT e.seq AS event_seq, e.eid, e.kind, e.session_key, e.user_id, e.tenant_id FROM sidgate_event e ORDER BY e.seq";
        let rows = self.0.query(sql, &[]).await.unwrap();
        let each = rows.iter().map(|row| (row.get("kind"), row.get("user_id")));
        each.collect()
    }

    /// Removes mass revocations, and marks what they have ended.
    async fn keep_house(&self) {
        let sql = "\
            DELETE FROM sidgate_revocation r USING ( \
                SELECT q.kind, q.subject FROM sidgate_revocation q \
                WHERE q.seq < (SELECT min(seq) FROM sidgate_event) AND coalesce(CASE q.kind \
                    WHEN 'user' THEN (SELECT min(s.created_seq) FROM sidgate_session s \
                        WHERE s.user_id = q.subject AND s.revoked_at IS NULL) \
                    WHEN 'tenant' THEN (SELECT min(s.created_seq) FROM sidgate_session s \
                        WHERE s.tenant_id = q.subject AND s.revoked_at IS NULL) \
                    ELSE (SELECT min(s.created_seq) FROM sidgate_session s \
                        WHERE coalesce(s.revoked_at, 'infinity') = 'infinity') \
                    END, q.seq) >= q.seq \
                ORDER BY q.seq LIMIT 100 FOR UPDATE SKIP LOCKED \
            ) pointless \
            WHERE r.kind = pointless.kind AND r.subject = pointless.subject";
        self.0.batch_execute(sql).await.unwrap();
    }

    async fn one(&self, sql: &str) -> Row {
        self.0.query_one(sql, &[]).await.unwrap()
    }
}

fn in_shop(n: u8) -> NewSession {
    NewSession {
        group: Group::named("shop").unwrap(),
        site: SiteName::named("shop-eu").unwrap(),
        ..login(n)
    }
}

async fn lives(store: &PostgresStore, n: u8) -> bool {
    let snapshot = store.load(&SessionKey::from_bytes([n; 32])).await.unwrap();
    let row = snapshot.row.unwrap();
    row.verdict(snapshot.now).is_ok()
}

#[tokio::test]
async fn what_was_there_before_is_of_the_default_group() {
    let database = version_11().await;
    let (store, old) = (database.store(), Old(database.client().await));
    old.log_in(1).await;
    old.revoke_user().await;
    old.log_in(2).await;
    old.adopt(3).await;
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
    assert_eq!(
        subjects(&store).await,
        [Subject::User("7".into())],
        "no event"
    );
    assert_eq!(revoke(&store, Scope::User("7".into())).await, 2);
    assert!(!lives(&store, 2).await);
}

#[tokio::test]
async fn programs_of_version_11_go_on() {
    let database = TestPostgres::shared().database();
    let (store, old) = (database.store(), Old(database.client().await));
    store.insert(&in_shop(1)).await.unwrap();
    old.log_in(2).await;
    assert!(lives(&store, 2).await && old.finds(2).await);
    old.renew(2, 3).await;
    old.adopt(9).await;
    let listed = store.list_by_user("7", &Group::default(), None, 10).await;
    assert_eq!(listed.unwrap().len(), 1, "of the default group");
    let shop = Scope::Member {
        user_id: "7".into(),
        group: Group::named("shop").unwrap(),
    };
    let head = revoke(&store, shop).await;
    assert!(!lives(&store, 1).await && lives(&store, 3).await && old.finds(3).await);
    let told = old.events().await.pop();
    assert_eq!(told, Some(("user".to_owned(), Some("7".to_owned()))));

    // Its event goes. What it has ended is not marked yet: so it stays, whoever keeps house.
    old.revoke_user().await;
    let gone = format!("DELETE FROM sidgate_event WHERE seq <= {head}");
    old.0.batch_execute(&gone).await.unwrap();
    old.keep_house().await;
    let kept = old.one("SELECT count(*) FROM sidgate_revocation WHERE kind = 'member'");
    assert_eq!(kept.await.get::<_, i64>(0), 1);
    assert!(!lives(&store, 1).await && !lives(&store, 3).await && !old.finds(3).await);
}
