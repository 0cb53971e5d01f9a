-- Sessions, their revocations, and the log of events that every cache follows.
--
-- The log is the heart of it. An event is numbered when its transaction commits: a deferred constraint trigger bumps the
-- one row of sidgate_clock, so numbers are dense and in commit order, and a rollback leaves no gap. A sequence could do
-- neither: its numbers are given before commit, and a reader that has passed 7 never sees 6 when that commits later.
-- Being deferred, the trigger holds the clock for the length of a commit and not of a transaction.
--
-- Any writer counts. The triggers run for the gateway, for a Django admin and for psql alike. Their functions are
-- SECURITY DEFINER, so a role that may only write sidgate_session or sidgate_revocation still gets its changes numbered,
-- without any right on the clock or the log; their search_path is fixed to the schema they were created in, with pg_temp
-- last, so a caller's temporary tables cannot stand in for these; and nobody but the owner may attach them to another table.
--
-- Rights that a gateway needs: SELECT on sidgate_schema, sidgate_clock and sidgate_event; DELETE on sidgate_event;
-- SELECT, INSERT, UPDATE, DELETE on sidgate_session, sidgate_revocation, sidgate_legacy and sidgate_node. No DDL, no TRUNCATE.
--
-- A foreign transaction that changes sessions at REPEATABLE READ or SERIALIZABLE may fail at its commit with 40001, as
-- any two writers of one row may at these levels; it has then changed nothing and is to be repeated.

CREATE TABLE sidgate_clock (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq         bigint  NOT NULL,
    incarnation uuid    NOT NULL,
    lease_ms    integer NOT NULL CHECK (lease_ms > 0)
) WITH (fillfactor = 10);
COMMENT ON TABLE sidgate_clock IS
    'Number of the last event. After restoring a backup: UPDATE sidgate_clock SET incarnation = gen_random_uuid()';
INSERT INTO sidgate_clock (seq, incarnation, lease_ms) VALUES (0, gen_random_uuid(), 2000);

CREATE TABLE sidgate_event (
    seq         bigint PRIMARY KEY,
    eid         uuid NOT NULL DEFAULT gen_random_uuid(),
    kind        text NOT NULL,
    session_key bytea,
    user_id     text,
    tenant_id   text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT sidgate_event_subject CHECK (CASE kind
        WHEN 'session' THEN session_key IS NOT NULL AND user_id IS NULL AND tenant_id IS NULL
        WHEN 'user'    THEN session_key IS NULL AND user_id IS NOT NULL AND tenant_id IS NULL
        WHEN 'tenant'  THEN session_key IS NULL AND user_id IS NULL AND tenant_id IS NOT NULL
        WHEN 'flush'   THEN session_key IS NULL AND user_id IS NULL AND tenant_id IS NULL
        ELSE false END)
);
COMMENT ON TABLE sidgate_event IS 'Changes of authority in commit order. Written by triggers only';
CREATE INDEX sidgate_event_at ON sidgate_event (at);

CREATE TABLE sidgate_session (
    session_key   bytea       PRIMARY KEY CHECK (octet_length(session_key) = 32),
    id            uuid        NOT NULL UNIQUE,
    user_id       text        NOT NULL,
    tenant_id     text,
    identity      jsonb       NOT NULL,
    ip            inet,
    user_agent    text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    auth_time     timestamptz NOT NULL,
    last_activity timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    idle_seconds  integer     NOT NULL DEFAULT 0 CHECK (idle_seconds >= 0),
    revoked_at    timestamptz,
    revoke_reason text,
    ref           text,
    created_seq   bigint      NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    -- The columns decide which revocations name a session and the document is what apps are told: they must not disagree.
    CONSTRAINT sidgate_session_user CHECK (user_id IS NOT DISTINCT FROM identity -> 'user' ->> 'id'),
    CONSTRAINT sidgate_session_tenant CHECK (tenant_id IS NOT DISTINCT FROM identity ->> 'tenant_id')
) WITH (fillfactor = 80);
COMMENT ON TABLE sidgate_session IS
    'To end sessions, set revoked_at or delete rows: every gateway hears of it. Writing last_activity tells nobody';
CREATE INDEX sidgate_session_user_id ON sidgate_session (user_id);
CREATE INDEX sidgate_session_tenant_id ON sidgate_session (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX sidgate_session_expires_at ON sidgate_session (expires_at);

CREATE TABLE sidgate_revocation (
    kind    text   NOT NULL,
    subject text   NOT NULL,
    seq     bigint,
    PRIMARY KEY (kind, subject),
    CONSTRAINT sidgate_revocation_subject CHECK (kind IN ('user', 'tenant', 'all') AND (kind = 'all') = (subject = ''))
);
COMMENT ON TABLE sidgate_revocation IS
    'Ends every session whose created_seq is below seq. To end all sessions of a user: INSERT (kind, subject) VALUES (''user'', id) '
    'ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL; the number is filled in at commit';

CREATE TABLE sidgate_legacy (
    legacy_key  bytea PRIMARY KEY CHECK (octet_length(legacy_key) = 32),
    session_key bytea NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX sidgate_legacy_session_key ON sidgate_legacy (session_key);
CREATE INDEX sidgate_legacy_ended_at ON sidgate_legacy (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE sidgate_node (
    node_id text PRIMARY KEY,
    applied bigint      NOT NULL,
    seen_at timestamptz NOT NULL
);

-- The next number, and the event that bears it. The clock row stays locked from here to the end of the commit.
CREATE FUNCTION sidgate_append(new_kind text, new_key bytea, new_user text, new_tenant text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE sidgate_clock SET seq = seq + 1 RETURNING seq INTO STRICT number;
    INSERT INTO sidgate_event (seq, kind, session_key, user_id, tenant_id)
    VALUES (number, new_kind, new_key, new_user, new_tenant);
    RETURN number;
END $$;

-- Whether no cache can believe in this row any more: its end was announced by an earlier event, or is known from its own
-- expires_at. Idle sessions are not among them, because a node may know of activity that is not written yet.
CREATE FUNCTION sidgate_dead(s sidgate_session) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT s.revoked_at IS NOT NULL OR s.expires_at <= clock_timestamp() OR EXISTS (
        SELECT FROM sidgate_revocation r
        WHERE (r.kind, r.subject) IN (('user', s.user_id), ('tenant', s.tenant_id), ('all', '')) AND r.seq > s.created_seq)
$$;

-- One session's event. A transaction that ends more than 256 sessions writes one `flush` for the rest of them: bumping
-- one row thousands of times would hold up every other commit, and leave nodes more events than one heartbeat carries.
-- An event is this transaction's own if its xmin says so; within a savepoint it does not, and nothing is left out.
CREATE FUNCTION sidgate_append_session(key bytea) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    own  xid := pg_current_xact_id()::xid;
    head bigint := (SELECT seq FROM sidgate_clock);
BEGIN
    IF EXISTS (SELECT FROM sidgate_event e WHERE e.seq = head AND e.kind = 'flush' AND e.xmin = own) THEN
        RETURN;
    ELSIF EXISTS (SELECT FROM sidgate_event e WHERE e.seq = head - 255 AND e.xmin = own) THEN
        PERFORM sidgate_append('flush', NULL, NULL, NULL);
    ELSE
        PERFORM sidgate_append('session', key, NULL, NULL);
    END IF;
END $$;

CREATE FUNCTION sidgate_session_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF sidgate_dead(OLD) AND (TG_OP = 'DELETE' OR sidgate_dead(NEW)) THEN
        RETURN NULL;
    END IF;
    PERFORM sidgate_append_session(OLD.session_key);
    IF TG_OP = 'UPDATE' AND NEW.session_key <> OLD.session_key THEN
        PERFORM sidgate_append_session(NEW.session_key);
    END IF;
    RETURN NULL;
END $$;

-- Every column but last_activity: WHEN is evaluated at once, so a touch never even queues the trigger.
CREATE CONSTRAINT TRIGGER sidgate_session_updated AFTER UPDATE ON sidgate_session
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.session_key, OLD.id, OLD.user_id, OLD.tenant_id, OLD.identity, OLD.ip, OLD.user_agent, OLD.created_at, OLD.auth_time,
           OLD.expires_at, OLD.idle_seconds, OLD.revoked_at, OLD.revoke_reason, OLD.ref, OLD.created_seq, OLD.version)
          IS DISTINCT FROM
          (NEW.session_key, NEW.id, NEW.user_id, NEW.tenant_id, NEW.identity, NEW.ip, NEW.user_agent, NEW.created_at, NEW.auth_time,
           NEW.expires_at, NEW.idle_seconds, NEW.revoked_at, NEW.revoke_reason, NEW.ref, NEW.created_seq, NEW.version))
    EXECUTE FUNCTION sidgate_session_changed();

CREATE CONSTRAINT TRIGGER sidgate_session_deleted AFTER DELETE ON sidgate_session
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL)
    EXECUTE FUNCTION sidgate_session_changed();

-- Row triggers do not fire on TRUNCATE, and a statement trigger cannot be deferred; the table is locked against everybody anyway.
CREATE FUNCTION sidgate_session_emptied() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM sidgate_append('flush', NULL, NULL, NULL);
    RETURN NULL;
END $$;

CREATE TRIGGER sidgate_session_truncated AFTER TRUNCATE ON sidgate_session
    FOR EACH STATEMENT EXECUTE FUNCTION sidgate_session_emptied();

-- Numbers a mass revocation. A number counts only if there is an event that bears it and says the same, so one that
-- somebody wrote by hand is replaced, and the update made here does not start the trigger over again.
CREATE FUNCTION sidgate_revocation_number() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new_user   text := CASE NEW.kind WHEN 'user' THEN NEW.subject END;
    new_tenant text := CASE NEW.kind WHEN 'tenant' THEN NEW.subject END;
    new_kind   text := CASE NEW.kind WHEN 'all' THEN 'flush' ELSE NEW.kind END;
    number     bigint;
BEGIN
    IF EXISTS (SELECT FROM sidgate_event e
               WHERE e.seq = NEW.seq AND e.kind = new_kind
                 AND e.user_id IS NOT DISTINCT FROM new_user AND e.tenant_id IS NOT DISTINCT FROM new_tenant) THEN
        RETURN NULL;
    END IF;
    number := sidgate_append(new_kind, NULL, new_user, new_tenant);
    UPDATE sidgate_revocation r SET seq = number WHERE r.kind = NEW.kind AND r.subject = NEW.subject;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER sidgate_revocation_numbered AFTER INSERT OR UPDATE ON sidgate_revocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION sidgate_revocation_number();

-- Taking a revocation back would revive sessions. A row may go only when it has become pointless: its event is no longer
-- kept, so no login that was under way then can still be, and no session that it ends would live without it.
CREATE FUNCTION sidgate_revocation_guard() RETURNS trigger
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
           AND NOT EXISTS (SELECT FROM sidgate_session s
                           WHERE s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND s.created_seq < OLD.seq
                             AND (OLD.kind = 'all' OR OLD.kind = 'user' AND s.user_id = OLD.subject
                                  OR OLD.kind = 'tenant' AND s.tenant_id = OLD.subject)) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'a revocation cannot be taken back: it would revive sessions' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER sidgate_revocation_kept BEFORE UPDATE OR DELETE ON sidgate_revocation
    FOR EACH ROW EXECUTE FUNCTION sidgate_revocation_guard();
CREATE TRIGGER sidgate_revocation_untruncated BEFORE TRUNCATE ON sidgate_revocation
    FOR EACH STATEMENT EXECUTE FUNCTION sidgate_revocation_guard();

REVOKE ALL ON FUNCTION sidgate_append(text, bytea, text, text), sidgate_dead(sidgate_session), sidgate_append_session(bytea),
    sidgate_session_changed(), sidgate_session_emptied(), sidgate_revocation_number(), sidgate_revocation_guard() FROM PUBLIC;
