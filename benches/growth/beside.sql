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
