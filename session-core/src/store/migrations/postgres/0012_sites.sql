-- Groups of sites. A session belongs to the group in which it was made, for good, and is none on the sites of another one.
-- site: where it was made; for people to see.
--
-- Programs of version 11 know neither column. What they store is of the default group, and so it is: they make and accept no
-- other sids. Values that are there need not be checked, so nothing is read and the table is locked for a moment only.
--
-- A revocation of kind 'member' ends the sessions of a user within a group. Its subject is `group:user`: names of groups have
-- no colon. Its event is of kind 'user', because programs of version 11 know no other: they read the sessions of the user
-- again, as all do. The event bears the group as well, so that its number cannot be claimed for another revocation.

ALTER TABLE sidgate_session
    ADD COLUMN session_group text NOT NULL DEFAULT 'default',
    ADD COLUMN site text NOT NULL DEFAULT 'default',
    ADD CONSTRAINT sidgate_session_names CHECK (session_group ~ '^[a-z0-9_-]{1,32}$' AND site ~ '^[a-z0-9_-]{1,32}$') NOT VALID;
COMMENT ON COLUMN sidgate_session.session_group IS 'Never changes: the sid was made for it';
COMMENT ON COLUMN sidgate_session.site IS 'Name of the site where the session was made';

ALTER TABLE sidgate_event ADD COLUMN session_group text;

ALTER TABLE sidgate_revocation
    DROP CONSTRAINT sidgate_revocation_subject,
    ADD CONSTRAINT sidgate_revocation_subject CHECK (
        kind IN ('user', 'tenant', 'all', 'member') AND (kind = 'all') = (subject = '')
        AND (kind <> 'member' OR subject ~ '^[a-z0-9_-]{1,32}:.'));
COMMENT ON TABLE sidgate_revocation IS
    'Ends every session whose created_seq is below seq. To end all sessions of a user: INSERT (kind, subject) VALUES (''user'', id) '
    'ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL; the number is filled in at commit. Those in one group: (''member'', group:id)';

ALTER TABLE sidgate_legacy_cutoff
    DROP CONSTRAINT sidgate_legacy_cutoff_subject,
    ADD CONSTRAINT sidgate_legacy_cutoff_subject CHECK (
        kind IN ('user', 'tenant', 'all', 'member') AND (kind = 'all') = (subject = '')
        AND (kind <> 'member' OR subject ~ '^[a-z0-9_-]{1,32}:.'));

-- What follows is as before, and knows groups.

CREATE OR REPLACE FUNCTION sidgate_dead(s sidgate_session) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT s.revoked_at IS NOT NULL OR s.expires_at <= clock_timestamp() OR EXISTS (
        SELECT FROM sidgate_revocation r
        WHERE (r.kind, r.subject) IN (('user', s.user_id), ('member', s.session_group || ':' || s.user_id),
                                      ('tenant', s.tenant_id), ('all', ''))
          AND r.seq > s.created_seq)
$$;

DROP TRIGGER sidgate_session_updated ON sidgate_session;
CREATE CONSTRAINT TRIGGER sidgate_session_updated AFTER UPDATE ON sidgate_session
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.session_key, OLD.id, OLD.user_id, OLD.tenant_id, OLD.identity, OLD.ip, OLD.user_agent, OLD.created_at, OLD.auth_time,
           OLD.expires_at, OLD.idle_seconds, OLD.revoked_at, OLD.revoke_reason, OLD.ref, OLD.created_seq, OLD.version,
           OLD.session_group, OLD.site)
          IS DISTINCT FROM
          (NEW.session_key, NEW.id, NEW.user_id, NEW.tenant_id, NEW.identity, NEW.ip, NEW.user_agent, NEW.created_at, NEW.auth_time,
           NEW.expires_at, NEW.idle_seconds, NEW.revoked_at, NEW.revoke_reason, NEW.ref, NEW.created_seq, NEW.version,
           NEW.session_group, NEW.site))
    EXECUTE FUNCTION sidgate_session_changed();

CREATE OR REPLACE FUNCTION sidgate_revocation_number() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new_user   text := CASE NEW.kind WHEN 'user' THEN NEW.subject
                                     WHEN 'member' THEN substr(NEW.subject, strpos(NEW.subject, ':') + 1) END;
    new_group  text := CASE NEW.kind WHEN 'member' THEN split_part(NEW.subject, ':', 1) END;
    new_tenant text := CASE NEW.kind WHEN 'tenant' THEN NEW.subject END;
    new_kind   text := CASE NEW.kind WHEN 'all' THEN 'flush' WHEN 'member' THEN 'user' ELSE NEW.kind END;
    number     bigint;
BEGIN
    IF EXISTS (SELECT FROM sidgate_event e
               WHERE e.seq = NEW.seq AND e.kind = new_kind
                 AND e.user_id IS NOT DISTINCT FROM new_user AND e.session_group IS NOT DISTINCT FROM new_group
                 AND e.tenant_id IS NOT DISTINCT FROM new_tenant) THEN
        RETURN NULL;
    END IF;
    number := sidgate_append(new_kind, NULL, new_user, new_tenant);
    IF new_group IS NOT NULL THEN
        UPDATE sidgate_event e SET session_group = new_group WHERE e.seq = number;
    END IF;
    UPDATE sidgate_revocation r SET seq = number WHERE r.kind = NEW.kind AND r.subject = NEW.subject;
    RETURN NULL;
END $$;

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
               WHEN 'member' THEN EXISTS (
                   SELECT FROM sidgate_session s WHERE s.user_id = substr(OLD.subject, strpos(OLD.subject, ':') + 1)
                       AND s.session_group = split_part(OLD.subject, ':', 1) AND s.revoked_at IS NULL
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

CREATE OR REPLACE FUNCTION sidgate_session_guard() RETURNS trigger
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
        WHEN NEW.session_group <> OLD.session_group
            THEN 'a session keeps its group'
        WHEN (OLD.user_id, OLD.tenant_id) IS DISTINCT FROM (NEW.user_id, NEW.tenant_id) AND EXISTS (
                SELECT FROM sidgate_revocation r
                WHERE (r.kind, r.subject) IN (('user', OLD.user_id), ('member', OLD.session_group || ':' || OLD.user_id),
                                              ('tenant', OLD.tenant_id), ('all', ''))
                  AND (r.seq IS NULL OR r.seq > OLD.created_seq))
            THEN 'a session that a mass revocation has ended keeps its user and tenant'
    END;
BEGIN
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION '%', refusal USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER sidgate_session_kept ON sidgate_session;
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
          OR NEW.session_group <> OLD.session_group
          OR (OLD.user_id, OLD.tenant_id) IS DISTINCT FROM (NEW.user_id, NEW.tenant_id))
    EXECUTE FUNCTION sidgate_session_guard();

-- Codes with which a login was handed from one site to another. A code counts once, on whichever node: the row of its digest
-- says that it was used. Rows are of no use once a code is too old to be accepted, and housekeeping removes them.
--
-- A gateway needs SELECT, INSERT, DELETE on sidgate_handover.

CREATE TABLE sidgate_handover (
    code bytea       PRIMARY KEY CHECK (octet_length(code) = 32),
    at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sidgate_handover_at ON sidgate_handover (at);
COMMENT ON TABLE sidgate_handover IS 'Digests of codes that were used, for an hour. A gateway needs SELECT, INSERT, DELETE';
