-- What housekeeping looks for must be found without reading what it leaves alone.
--
-- Sessions are found by the time of their revocation, and those without one, of a tenant and of everybody, in the order of
-- their logins: so a mass revocation finds the next rows to mark where it marked the last, and marked rows leave the
-- index. The index on tenants replaces the one without order. The conditions of the two say the same in different words:
-- the planner can tell then which one is meant, where it would compare the many rows of a large tenant with all of them
-- and take the wrong one.

CREATE INDEX sidgate_session_revoked_at ON sidgate_session (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sidgate_session_created_seq ON sidgate_session (created_seq)
    WHERE coalesce(revoked_at, 'infinity') = 'infinity';
DROP INDEX sidgate_session_tenant_id;
CREATE INDEX sidgate_session_tenant_id ON sidgate_session (tenant_id, created_seq)
    WHERE tenant_id IS NOT NULL AND revoked_at IS NULL;

-- As before, with a question for each kind, so that each has its index.
CREATE OR REPLACE FUNCTION sidgate_revocation_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- A number above the head was made up, and is about to be replaced.
        IF (NEW.kind, NEW.subject) = (OLD.kind, OLD.subject)
           AND (NEW.seq < LEAST(OLD.seq, (SELECT c.seq FROM sidgate_clock c))) IS NOT TRUE THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM sidgate_event e WHERE e.seq = OLD.seq)
           AND NOT (CASE OLD.kind
               WHEN 'user' THEN EXISTS (
                   SELECT FROM sidgate_session s WHERE s.user_id = OLD.subject AND s.revoked_at IS NULL
                       AND s.created_seq < OLD.seq AND s.expires_at > clock_timestamp())
               WHEN 'tenant' THEN EXISTS (
                   SELECT FROM sidgate_session s WHERE s.tenant_id = OLD.subject AND s.revoked_at IS NULL
                       AND s.created_seq < OLD.seq AND s.expires_at > clock_timestamp())
               ELSE EXISTS (
                   SELECT FROM sidgate_session s WHERE coalesce(s.revoked_at, 'infinity') = 'infinity'
                       AND s.created_seq < OLD.seq AND s.expires_at > clock_timestamp()) END) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'a revocation cannot be taken back: it would revive sessions' USING ERRCODE = 'restrict_violation';
END $$;
