-- What must not be taken back, whoever writes; and turns that nobody can take without rights on our tables.
--
-- A session that has ended stays ended. The database itself refuses what would revive one or lengthen its life, in the
-- session's own row and in those that lead to it. Who may INSERT sessions can still make new ones.

-- Says no. The trigger's WHEN decides, and its argument is the reason.
CREATE FUNCTION sidgate_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION sidgate_session_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    refusal text := CASE
        WHEN OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL
            THEN 'a revoked session cannot be revived'
        WHEN NEW.created_seq > OLD.created_seq
            THEN 'created_seq cannot grow: it would revive sessions'
        WHEN NEW.expires_at > OLD.expires_at
            THEN 'expires_at cannot grow: a login makes a new session'
        WHEN OLD.idle_seconds > 0 AND (NEW.idle_seconds = 0 OR NEW.idle_seconds > OLD.idle_seconds)
            THEN 'idle_seconds cannot grow: a login makes a new session'
        -- Gateways write a use later than it was, and much later when the database was away.
        WHEN NEW.last_activity > OLD.last_activity AND (
                NEW.last_activity > clock_timestamp()
                OR OLD.idle_seconds > 0 AND GREATEST(NEW.last_activity, clock_timestamp() - interval '10 minutes')
                    >= OLD.last_activity + OLD.idle_seconds * interval '1 second')
            THEN 'last_activity is neither in the future nor after the idle end of a session'
        WHEN NEW.auth_time > OLD.auth_time OR NEW.created_at > OLD.created_at
            THEN 'auth_time and created_at cannot grow: only a login proves who somebody is'
        WHEN NEW.renewed_at IS DISTINCT FROM OLD.renewed_at AND NEW.session_key = OLD.session_key
            THEN 'renewed_at changes with the key only'
        WHEN NEW.id <> OLD.id
            THEN 'a session keeps its handle'
        WHEN (OLD.user_id, OLD.tenant_id) IS DISTINCT FROM (NEW.user_id, NEW.tenant_id) AND EXISTS (
                SELECT FROM sidgate_revocation r
                WHERE (r.kind, r.subject) IN (('user', OLD.user_id), ('tenant', OLD.tenant_id), ('all', ''))
                  AND (r.seq IS NULL OR r.seq > OLD.created_seq))
            THEN 'a session that a mass revocation has ended keeps its user and tenant'
    END;
BEGIN
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION '%', refusal USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- WHEN is evaluated without calling the function, so a touch and an honest change cost next to nothing.
CREATE TRIGGER sidgate_session_kept BEFORE UPDATE ON sidgate_session
    FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL
          OR NEW.created_seq > OLD.created_seq
          OR NEW.expires_at > OLD.expires_at
          OR OLD.idle_seconds <> NEW.idle_seconds
          OR NEW.last_activity > OLD.last_activity AND (
                 NEW.last_activity > clock_timestamp()
                 OR OLD.idle_seconds > 0 AND GREATEST(NEW.last_activity, clock_timestamp() - interval '10 minutes')
                     >= OLD.last_activity + OLD.idle_seconds * interval '1 second')
          OR NEW.auth_time > OLD.auth_time
          OR NEW.created_at > OLD.created_at
          OR NEW.renewed_at IS DISTINCT FROM OLD.renewed_at
          OR NEW.id <> OLD.id
          OR (OLD.user_id, OLD.tenant_id) IS DISTINCT FROM (NEW.user_id, NEW.tenant_id))
    EXECUTE FUNCTION sidgate_session_guard();

-- A key opens one session, and nothing after its end. The row of one that has ended keeps its key, and nobody gets a key
-- that a session had before.
CREATE FUNCTION sidgate_session_key_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM sidgate_former_key f WHERE f.session_key = NEW.session_key) THEN
        RAISE EXCEPTION 'a former key leads to no other session' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.created_seq > (SELECT c.seq FROM sidgate_clock c) THEN
            RAISE EXCEPTION 'created_seq is above the last event: no revocation would reach this session'
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF sidgate_dead(OLD) THEN
        RAISE EXCEPTION 'a session that has ended keeps its key' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sidgate_session_stored BEFORE INSERT ON sidgate_session
    FOR EACH ROW EXECUTE FUNCTION sidgate_session_key_guard();
CREATE TRIGGER sidgate_session_moved BEFORE UPDATE ON sidgate_session
    FOR EACH ROW WHEN (NEW.session_key <> OLD.session_key) EXECUTE FUNCTION sidgate_session_key_guard();

-- An app that may change sessions cannot put another one under the key of a sid that it knows: that takes the right to
-- write down former keys, which gateways have. Not SECURITY DEFINER: it asks about whoever writes.
CREATE FUNCTION sidgate_session_renewed() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF has_table_privilege('sidgate_former_key', 'INSERT') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'only a gateway gives a session another key' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER sidgate_session_renewed BEFORE UPDATE ON sidgate_session
    FOR EACH ROW WHEN (NEW.session_key <> OLD.session_key) EXECUTE FUNCTION sidgate_session_renewed();

-- A former key leads where its session has gone, and for no longer than it was given.
CREATE FUNCTION sidgate_former_key_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM sidgate_session s WHERE s.session_key = NEW.session_key) THEN
            RAISE EXCEPTION 'the key of a session leads to no other one' USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NEW.session_key <> OLD.session_key OR NEW.until > OLD.until
       OR NEW.successor <> OLD.successor AND EXISTS (SELECT FROM sidgate_session s WHERE s.session_key = OLD.successor) THEN
        RAISE EXCEPTION 'a former key leads where its session has gone, and no longer than it was given'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sidgate_former_key_kept BEFORE INSERT OR UPDATE ON sidgate_former_key
    FOR EACH ROW EXECUTE FUNCTION sidgate_former_key_guard();

CREATE TRIGGER sidgate_legacy_kept BEFORE UPDATE ON sidgate_legacy
    FOR EACH ROW
    WHEN (NEW.legacy_key <> OLD.legacy_key
          OR OLD.ended_at IS NOT NULL AND (NEW.ended_at IS NULL OR NEW.session_key <> OLD.session_key))
    EXECUTE FUNCTION sidgate_refuse('an old login that has ended stays ended');

REVOKE ALL ON FUNCTION sidgate_refuse(), sidgate_session_guard(), sidgate_session_key_guard(), sidgate_session_renewed(),
    sidgate_former_key_guard() FROM PUBLIC;

-- Turns: whoever locks a row has it until the end of the transaction. Advisory locks would do, if not everybody who may
-- connect could hold them: a role without any right on these tables could keep users from logging in.
--
-- Slot 0 is housekeeping's. The others are for logins of users with a limit of sessions: logins of one user take the same
-- slot, and so do those of a few others, who wait for milliseconds.
--
-- A gateway needs SELECT and UPDATE on sidgate_turn. Nobody needs more: a row that is missing would make no one wait.
CREATE TABLE sidgate_turn (slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 1024));
COMMENT ON TABLE sidgate_turn IS 'Rows to lock. Slot 0: housekeeping; 1 to 1024: logins, by user';
INSERT INTO sidgate_turn (slot) SELECT generate_series(0, 1024);
