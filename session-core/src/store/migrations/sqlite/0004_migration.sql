-- Logins of the system that Sidgate replaces, and the sessions that they became: see the PostgreSQL schema.
--
-- ended_at is 0 from the end of the session until the next housekeeping, which sets it by the gateway's clock.

ALTER TABLE sidgate_legacy ADD COLUMN wrapped_sid BLOB CHECK (length(wrapped_sid) = 16);
ALTER TABLE sidgate_legacy ADD COLUMN kept BLOB;

CREATE TABLE sidgate_migration_tally (
    hour  INTEGER NOT NULL,
    what  TEXT    NOT NULL CHECK (length(what) BETWEEN 1 AND 300),
    times INTEGER NOT NULL CHECK (times > 0),
    PRIMARY KEY (hour, what)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER sidgate_session_legacy_revoked AFTER UPDATE OF revoked_at ON sidgate_session
WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL
BEGIN
    UPDATE sidgate_legacy SET ended_at = 0, kept = NULL WHERE session_key = OLD.session_key AND ended_at IS NULL;
END;
CREATE TRIGGER sidgate_session_legacy_deleted AFTER DELETE ON sidgate_session
BEGIN
    UPDATE sidgate_legacy SET ended_at = 0, kept = NULL WHERE session_key = OLD.session_key AND ended_at IS NULL;
END;
