-- What must not be taken back, whoever writes; and turns that nobody can take without rights on our tables.
--
-- A session that has ended stays ended. The database itself refuses what would revive one or lengthen its life: to clear
-- revoked_at, to raise created_seq, expires_at or the idle limit, to give a session that a mass revocation has ended
-- another user or tenant, and to store one that claims a login later than the last event. Who may write sessions can
-- still make new ones.

CREATE FUNCTION sidgate_session_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.created_seq <= (SELECT c.seq FROM sidgate_clock c) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'created_seq is above the last event: no revocation would reach this session'
            USING ERRCODE = 'restrict_violation';
    ELSIF OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL THEN
        RAISE EXCEPTION 'a revoked session cannot be revived' USING ERRCODE = 'restrict_violation';
    ELSIF NEW.created_seq > OLD.created_seq THEN
        RAISE EXCEPTION 'created_seq cannot grow: it would revive sessions' USING ERRCODE = 'restrict_violation';
    ELSIF NEW.expires_at > OLD.expires_at THEN
        RAISE EXCEPTION 'expires_at cannot grow: a login makes a new session' USING ERRCODE = 'restrict_violation';
    ELSIF OLD.idle_seconds > 0 AND (NEW.idle_seconds = 0 OR NEW.idle_seconds > OLD.idle_seconds) THEN
        RAISE EXCEPTION 'idle_seconds cannot grow: a login makes a new session' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM sidgate_revocation r
                  WHERE (r.kind, r.subject) IN (('user', OLD.user_id), ('tenant', OLD.tenant_id), ('all', ''))
                    AND (r.seq IS NULL OR r.seq > OLD.created_seq))
          AND (OLD.user_id, OLD.tenant_id) IS DISTINCT FROM (NEW.user_id, NEW.tenant_id) THEN
        RAISE EXCEPTION 'a session that a mass revocation has ended keeps its user and tenant'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- WHEN is evaluated without calling the function, so a touch and an honest change cost nothing.
CREATE TRIGGER sidgate_session_kept BEFORE UPDATE ON sidgate_session
    FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL
          OR NEW.created_seq > OLD.created_seq
          OR NEW.expires_at > OLD.expires_at
          OR OLD.idle_seconds <> NEW.idle_seconds
          OR (OLD.user_id, OLD.tenant_id) IS DISTINCT FROM (NEW.user_id, NEW.tenant_id))
    EXECUTE FUNCTION sidgate_session_guard();
CREATE TRIGGER sidgate_session_dated BEFORE INSERT ON sidgate_session
    FOR EACH ROW WHEN (NEW.created_seq > 0) EXECUTE FUNCTION sidgate_session_guard();

REVOKE ALL ON FUNCTION sidgate_session_guard() FROM PUBLIC;

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
