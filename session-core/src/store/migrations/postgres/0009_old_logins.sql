-- Old logins take part in mass revocations.
--
-- Such a login began before it comes to the gateway, often months before. A row of sidgate_legacy_cutoff says: whoever
-- proved who they are before `at`, in the system that Sidgate replaces, comes too late. A revocation of a user, of a
-- tenant or of everybody writes one, whoever makes it; so does "log out everywhere else", which is no mass revocation
-- because one session stays.
--
-- The rows are apart from sidgate_revocation because they live as long as tombstones. Every read of a session asks
-- sidgate_revocation, which therefore keeps no row for longer than it ends sessions.
--
-- An adoption locks the row of its user before it looks, or makes one that says 1970: no login is older than that. Whoever
-- logs that user out at the same moment waits for it and then finds its session, or is waited for and then seen.

CREATE TABLE sidgate_legacy_cutoff (
    kind    text        NOT NULL,
    subject text        NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (kind, subject),
    CONSTRAINT sidgate_legacy_cutoff_subject CHECK (kind IN ('user', 'tenant', 'all') AND (kind = 'all') = (subject = ''))
);
CREATE INDEX sidgate_legacy_cutoff_at ON sidgate_legacy_cutoff (at);
COMMENT ON TABLE sidgate_legacy_cutoff IS
    'Old logins proved before `at` make no session. A gateway needs SELECT, INSERT, UPDATE, DELETE';

-- SECURITY DEFINER: a role that may revoke need not have any right on old logins.
CREATE FUNCTION sidgate_revocation_cuts_off() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO sidgate_legacy_cutoff AS c (kind, subject, at) VALUES (NEW.kind, NEW.subject, clock_timestamp())
    ON CONFLICT (kind, subject) DO UPDATE SET at = GREATEST(c.at, EXCLUDED.at);
    RETURN NULL;
END $$;

CREATE TRIGGER sidgate_revocation_cuts_off AFTER INSERT OR UPDATE ON sidgate_revocation
    FOR EACH ROW EXECUTE FUNCTION sidgate_revocation_cuts_off();

-- Nobody knows when the revocations that are there were made: not later than now.
INSERT INTO sidgate_legacy_cutoff (kind, subject, at) SELECT kind, subject, clock_timestamp() FROM sidgate_revocation;

REVOKE ALL ON FUNCTION sidgate_revocation_cuts_off() FROM PUBLIC;
