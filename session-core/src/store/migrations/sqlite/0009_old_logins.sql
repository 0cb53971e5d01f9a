-- Old logins take part in mass revocations: see the PostgreSQL schema.
--
-- at is NULL, and counts as later than any login, until the gateway sets it by its own clock: at once for a revocation that
-- the gateway makes, at the next housekeeping for one made with the sqlite3 shell.

CREATE TABLE sidgate_legacy_cutoff (
    kind    TEXT NOT NULL CHECK (kind IN ('user', 'tenant', 'all')),
    subject TEXT NOT NULL CHECK ((kind = 'all') = (subject = '')),
    at      INTEGER,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX sidgate_legacy_cutoff_at ON sidgate_legacy_cutoff (at);

CREATE TRIGGER sidgate_revocation_cuts_off_new AFTER INSERT ON sidgate_revocation
BEGIN
    INSERT INTO sidgate_legacy_cutoff (kind, subject) VALUES (NEW.kind, NEW.subject)
    ON CONFLICT DO UPDATE SET at = NULL;
END;
CREATE TRIGGER sidgate_revocation_cuts_off_again AFTER UPDATE ON sidgate_revocation
BEGIN
    INSERT INTO sidgate_legacy_cutoff (kind, subject) VALUES (NEW.kind, NEW.subject)
    ON CONFLICT DO UPDATE SET at = NULL;
END;

INSERT INTO sidgate_legacy_cutoff (kind, subject) SELECT kind, subject FROM sidgate_revocation;
