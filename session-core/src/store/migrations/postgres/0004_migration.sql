-- Logins of the system that Sidgate replaces, and the sessions that they became.
--
-- A row of sidgate_legacy is written with its session, in one transaction, and outlives it: as long as it is there, the
-- old login makes no second session. Whether the session lives is told by its own row alone; ended_at only says from when
-- on the tombstone grows old, so whoever ends a session, by whatever means, need not think of it.
--
-- wrapped_sid: the sid, encrypted under a key that only the old cookie yields. kept: the old cookies, sealed, for a rollback.

ALTER TABLE sidgate_legacy
    ADD COLUMN wrapped_sid bytea CHECK (octet_length(wrapped_sid) = 16),
    ADD COLUMN kept bytea;
COMMENT ON TABLE sidgate_legacy IS
    'Old logins that have become sessions. Deleting a row lets its old cookie make a session again';

-- What was seen of old cookies, by the hour: sums over all nodes.
CREATE TABLE sidgate_migration_tally (
    hour  timestamptz NOT NULL,
    what  text        NOT NULL CHECK (length(what) BETWEEN 1 AND 300),
    times bigint      NOT NULL CHECK (times > 0),
    PRIMARY KEY (hour, what)
);
COMMENT ON TABLE sidgate_migration_tally IS 'What `sidgate migration report` reads. A gateway needs SELECT, INSERT, UPDATE, DELETE';

-- SECURITY DEFINER: a role that may end sessions need not have any right on old logins.
CREATE FUNCTION sidgate_legacy_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE sidgate_legacy SET ended_at = clock_timestamp(), kept = NULL WHERE ended_at IS NULL;
    ELSE
        UPDATE sidgate_legacy SET ended_at = clock_timestamp(), kept = NULL
        WHERE session_key = OLD.session_key AND ended_at IS NULL;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER sidgate_session_legacy_revoked AFTER UPDATE OF revoked_at ON sidgate_session
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION sidgate_legacy_ended();
CREATE TRIGGER sidgate_session_legacy_deleted AFTER DELETE ON sidgate_session
    FOR EACH ROW EXECUTE FUNCTION sidgate_legacy_ended();
CREATE TRIGGER sidgate_session_legacy_truncated AFTER TRUNCATE ON sidgate_session
    FOR EACH STATEMENT EXECUTE FUNCTION sidgate_legacy_ended();

REVOKE ALL ON FUNCTION sidgate_legacy_ended() FROM PUBLIC;
