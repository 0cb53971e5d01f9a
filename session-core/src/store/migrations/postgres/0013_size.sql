-- For millions of rows and a thousand logins a second: what vacuum finds in time, and indexes for what is looked for.
--
-- By default a table is vacuumed when a fifth of its rows is dead. Of ten million sessions that would be two million rows, and
-- what housekeeping looks for, the oldest, lies behind all of them in its indexes. Each of these tables is a queue: rows come at
-- one end and go at the other. So vacuum comes after a fiftieth, and after an absolute number where the table is small.
--
-- Programs of version 11 and 12 work with this as before.

ALTER TABLE sidgate_session SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE sidgate_event SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE sidgate_former_key SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE sidgate_legacy SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE sidgate_legacy_cutoff SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE sidgate_activity SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE sidgate_login_network SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE sidgate_handover SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Nothing looks for events by their time: housekeeping removes them by number. Each revocation had to write this index.
DROP INDEX sidgate_event_at;

-- `sidgate users export` asks which events name a user. Few do: most name a session.
CREATE INDEX sidgate_event_user_id ON sidgate_event (user_id) WHERE user_id IS NOT NULL;

-- Housekeeping begins with the oldest mass revocations.
CREATE INDEX sidgate_revocation_seq ON sidgate_revocation (seq);

-- As before, but that a session is not asked for all revocations that are newer than it: the planner took the new index for that.
CREATE OR REPLACE FUNCTION sidgate_dead(s sidgate_session) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT s.revoked_at IS NOT NULL OR s.expires_at <= clock_timestamp() OR EXISTS (
        SELECT FROM sidgate_revocation r
        WHERE (r.kind, r.subject) IN (('user', s.user_id), ('member', s.session_group || ':' || s.user_id),
                                      ('tenant', s.tenant_id), ('all', ''))
          AND coalesce(r.seq, 0) > s.created_seq)
$$;
