//! A database with many rows: the generators of `benches/growth`.

use session_testing::TestDatabase;

const SESSIONS: &str = include_str!("../../../../benches/growth/sessions.sql");
const BESIDE: &str = include_str!("../../../../benches/growth/beside.sql");
/// Older than all others: for housekeeping to remove.
const DUE: u64 = 3_000;

pub(super) async fn fill(database: &TestDatabase, rows: u64) {
    let client = database.client().await;
    let first = i64::try_from(1 - i128::from(DUE)).unwrap();
    let sessions = SESSIONS
        .replace(":rows", &rows.to_string())
        .replace(":first", &format!("({first})"))
        .replace(":last", &rows.to_string())
        .replace(":key", "sha256(n::text::bytea)");
    let beside = BESIDE.replace(":rows", &rows.to_string());
    for sql in [&*sessions, &*beside, DUE_TOO, "ANALYZE"] {
        client.batch_execute(sql).await.unwrap();
    }
}

/// What is due of other kinds, and mass revocations of each kind that still end sessions.
const DUE_TOO: &str = "\
    UPDATE sidgate_event SET at = now() - interval '1 day' WHERE seq < (SELECT seq - 20 FROM sidgate_clock); \
    INSERT INTO sidgate_former_key (session_key, successor, until) \
        SELECT sha256('due' || n::text::bytea), sha256(n::text::bytea), now() - interval '2 days' FROM generate_series(1, 700) n; \
    UPDATE sidgate_legacy SET ended_at = now() - interval '400 days' \
        WHERE legacy_key IN (SELECT legacy_key FROM sidgate_legacy LIMIT 700); \
    UPDATE sidgate_revocation SET seq = 1 + seq % 5 WHERE subject IN ('gone-1', 'gone-2'); \
    INSERT INTO sidgate_revocation (kind, subject, seq) SELECT k.kind, k.subject, c.seq / 2 FROM sidgate_clock c, \
        (VALUES ('member', 'default:11'), ('user', '12'), ('tenant', 'tenant-13')) k (kind, subject); \
    INSERT INTO sidgate_revocation (kind, subject, seq) \
        SELECT 'user', 'left-' || n, c.seq - n % 10 FROM sidgate_clock c, generate_series(1, 5000) n; \
    SET session_replication_role = origin";
