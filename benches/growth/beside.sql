-- What else there is beside :rows sessions, for psql: a tenth of their number of events have happened, of which the log still has
-- those of the last minutes; a quarter of them were logins of an older system; a hundredth got a new sid within the last day.

SET session_replication_role = replica;
UPDATE sidgate_clock SET seq = :rows / 10;
INSERT INTO sidgate_event (seq, kind, session_key)
SELECT seq, 'session', sha256(seq::text::bytea) FROM generate_series(:rows / 10 - GREATEST(:rows / 1000, 10) + 1, :rows / 10) AS seq;
INSERT INTO sidgate_revocation (kind, subject, seq)
SELECT 'user', format('gone-%s', n), :rows / 10 - n % GREATEST(:rows / 1000, 10) FROM generate_series(1, :rows / 10000) AS n;
INSERT INTO sidgate_legacy (legacy_key, session_key, wrapped_sid)
SELECT sha256(format('old-%s', n)::bytea), sha256((4 * n)::text::bytea), decode(md5(n::text), 'hex') FROM generate_series(1, :rows / 4) AS n;
INSERT INTO sidgate_former_key (session_key, successor, until)
SELECT sha256(format('former-%s', n)::bytea), sha256((100 * n)::text::bytea), now() - n % 1200 * interval '1 minute'
FROM generate_series(1, :rows / 100) AS n;
INSERT INTO sidgate_node (node_id, applied, seen_at)
SELECT gen_random_uuid()::text, :rows / 10, now() FROM generate_series(1, 3);
-- Who was logged out everywhere in the last months, and places that adoptions have locked a moment ago.
INSERT INTO sidgate_legacy_cutoff (kind, subject, at)
SELECT CASE WHEN n % 2 = 0 THEN 'user' ELSE 'member' END, CASE WHEN n % 2 = 0 THEN 'gone-' ELSE 'default:gone-' END || n,
    CASE WHEN n % 50 = 0 THEN 'epoch' ELSE now() - n % 4000 * interval '1 hour' END
FROM generate_series(1, :rows / 20) AS n;
-- A tenth was used from another place than before; each user has logged in from two networks; a few logins were handed over.
INSERT INTO sidgate_activity (session_id, user_id, tenant_id, at, network, family, signals)
SELECT s.id, s.user_id, s.tenant_id, s.last_activity, s.ip, 'Chrome on Linux', CASE WHEN random() < 0.01 THEN 'country' ELSE '' END
FROM sidgate_session s WHERE s.created_seq % 10 = 0 ORDER BY s.last_activity;
INSERT INTO sidgate_login_network (account, owner, network, seen_at)
SELECT sha256(format('account-%s', n / 2)::bytea), sha256(format('owner-%s', n / 2)::bytea), sha256(format('network-%s', n)::bytea),
    now() - interval '30 days' * (1 - n::float8 / (:rows / 2)) FROM generate_series(1, :rows / 2) AS n;
INSERT INTO sidgate_handover (code, at)
SELECT sha256(format('code-%s', n)::bytea), now() - n % 3600 * interval '1 second' FROM generate_series(1, :rows / 1000) AS n;
INSERT INTO sidgate_migration_tally (hour, what, times)
SELECT date_trunc('hour', now(), 'UTC') - n / 40 * interval '1 hour', format('what %s', n % 40), n FROM generate_series(1, LEAST(:rows / 10, 7000)) AS n;
