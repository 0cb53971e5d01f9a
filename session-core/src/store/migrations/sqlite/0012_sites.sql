-- Groups of sites: see the PostgreSQL schema.
--
-- SQLite cannot exchange a check of a column, so the tables of revocations are made anew, and with them their triggers.

ALTER TABLE sidgate_session ADD COLUMN session_group TEXT NOT NULL DEFAULT 'default'
    CHECK (length(session_group) BETWEEN 1 AND 32 AND session_group NOT GLOB '*[^a-z0-9_-]*');
ALTER TABLE sidgate_session ADD COLUMN site TEXT NOT NULL DEFAULT 'default'
    CHECK (length(site) BETWEEN 1 AND 32 AND site NOT GLOB '*[^a-z0-9_-]*');
ALTER TABLE sidgate_event ADD COLUMN session_group TEXT CHECK (session_group IS NULL OR kind = 'user');

CREATE TABLE sidgate_revocation_before AS SELECT kind, subject, seq FROM sidgate_revocation;
DROP TABLE sidgate_revocation;
CREATE TABLE sidgate_revocation (
    kind    TEXT NOT NULL CHECK (kind IN ('user', 'tenant', 'all', 'member')),
    subject TEXT NOT NULL CHECK ((kind = 'all') = (subject = ''))
        CHECK (kind <> 'member' OR instr(subject, ':') BETWEEN 2 AND 33 AND length(subject) > instr(subject, ':')
               AND substr(subject, 1, instr(subject, ':') - 1) NOT GLOB '*[^a-z0-9_-]*'),
    seq     INTEGER,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO sidgate_revocation (kind, subject, seq) SELECT kind, subject, seq FROM sidgate_revocation_before;
DROP TABLE sidgate_revocation_before;

CREATE TABLE sidgate_legacy_cutoff_before AS SELECT kind, subject, at FROM sidgate_legacy_cutoff;
DROP TABLE sidgate_legacy_cutoff;
CREATE TABLE sidgate_legacy_cutoff (
    kind    TEXT NOT NULL CHECK (kind IN ('user', 'tenant', 'all', 'member')),
    subject TEXT NOT NULL CHECK ((kind = 'all') = (subject = '')),
    at      INTEGER,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX sidgate_legacy_cutoff_at ON sidgate_legacy_cutoff (at);
INSERT INTO sidgate_legacy_cutoff (kind, subject, at) SELECT kind, subject, at FROM sidgate_legacy_cutoff_before;
DROP TABLE sidgate_legacy_cutoff_before;

-- What follows is as before, and knows groups.

DROP VIEW sidgate_append;
CREATE VIEW sidgate_append AS SELECT kind, session_key, user_id, tenant_id, session_group FROM sidgate_event;
CREATE TRIGGER sidgate_append_numbered INSTEAD OF INSERT ON sidgate_append BEGIN
    UPDATE sidgate_clock SET seq = seq + 1;
    INSERT INTO sidgate_event (seq, kind, session_key, user_id, tenant_id, session_group)
    SELECT seq, NEW.kind, NEW.session_key, NEW.user_id, NEW.tenant_id, NEW.session_group FROM sidgate_clock;
END;

DROP VIEW sidgate_dead;
CREATE VIEW sidgate_dead AS SELECT s.session_key FROM sidgate_session s
WHERE s.revoked_at IS NOT NULL
   OR s.expires_at < (SELECT expired_before FROM sidgate_clock)
   OR EXISTS (SELECT 1 FROM sidgate_revocation r
              WHERE (r.kind, r.subject) IN (VALUES ('user', s.user_id), ('member', s.session_group || ':' || s.user_id),
                                                   ('tenant', s.tenant_id), ('all', ''))
                AND r.seq > s.created_seq);

DROP TRIGGER sidgate_session_updated;
CREATE TRIGGER sidgate_session_updated BEFORE UPDATE ON sidgate_session
WHEN (OLD.session_key, OLD.id, OLD.user_id, OLD.tenant_id, OLD.identity, OLD.ip, OLD.user_agent, OLD.created_at, OLD.auth_time,
      OLD.expires_at, OLD.idle_seconds, OLD.revoked_at, OLD.revoke_reason, OLD.ref, OLD.created_seq, OLD.version,
      OLD.session_group, OLD.site)
     IS NOT
     (NEW.session_key, NEW.id, NEW.user_id, NEW.tenant_id, NEW.identity, NEW.ip, NEW.user_agent, NEW.created_at, NEW.auth_time,
      NEW.expires_at, NEW.idle_seconds, NEW.revoked_at, NEW.revoke_reason, NEW.ref, NEW.created_seq, NEW.version,
      NEW.session_group, NEW.site)
     AND (NEW.revoked_at IS NULL OR NOT EXISTS (SELECT 1 FROM sidgate_dead d WHERE d.session_key = OLD.session_key))
BEGIN
    INSERT INTO sidgate_append (kind, session_key) VALUES ('session', OLD.session_key);
    INSERT INTO sidgate_append (kind, session_key) SELECT 'session', NEW.session_key WHERE NEW.session_key <> OLD.session_key;
END;

DROP TRIGGER sidgate_session_kept;
CREATE TRIGGER sidgate_session_kept BEFORE UPDATE ON sidgate_session
WHEN OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL
  OR NEW.created_seq > OLD.created_seq
  OR NEW.expires_at > OLD.expires_at
  OR OLD.idle_seconds > 0 AND (NEW.idle_seconds = 0 OR NEW.idle_seconds > OLD.idle_seconds)
  OR OLD.idle_seconds > 0 AND NEW.last_activity >= OLD.last_activity + OLD.idle_seconds * 1000000
  OR NEW.auth_time > OLD.auth_time
  OR NEW.created_at > OLD.created_at
  OR NEW.renewed_at IS NOT OLD.renewed_at AND NEW.session_key = OLD.session_key
  OR NEW.id <> OLD.id
  OR NEW.session_group <> OLD.session_group
  OR (OLD.user_id, OLD.tenant_id) IS NOT (NEW.user_id, NEW.tenant_id)
     AND EXISTS (SELECT 1 FROM sidgate_revocation r
                 WHERE (r.kind, r.subject) IN (VALUES ('user', OLD.user_id), ('member', OLD.session_group || ':' || OLD.user_id),
                                                      ('tenant', OLD.tenant_id), ('all', ''))
                   AND (r.seq IS NULL OR r.seq > OLD.created_seq))
BEGIN
    SELECT RAISE(ABORT, 'a session that has ended cannot be revived, nor its life lengthened, nor does it leave its group');
END;

CREATE TRIGGER sidgate_revocation_inserted AFTER INSERT ON sidgate_revocation
WHEN NOT EXISTS (SELECT 1 FROM sidgate_event e
                 WHERE e.seq = NEW.seq AND e.kind = CASE NEW.kind WHEN 'all' THEN 'flush' WHEN 'member' THEN 'user' ELSE NEW.kind END
                   AND (e.session_group IS NOT NULL) = (NEW.kind = 'member')
                   AND coalesce(e.session_group || ':', '') || coalesce(e.user_id, e.tenant_id, '') = NEW.subject)
BEGIN
    INSERT INTO sidgate_append (kind, user_id, tenant_id, session_group)
    VALUES (CASE NEW.kind WHEN 'all' THEN 'flush' WHEN 'member' THEN 'user' ELSE NEW.kind END,
            CASE NEW.kind WHEN 'user' THEN NEW.subject WHEN 'member' THEN substr(NEW.subject, instr(NEW.subject, ':') + 1) END,
            iif(NEW.kind = 'tenant', NEW.subject, NULL),
            iif(NEW.kind = 'member', substr(NEW.subject, 1, instr(NEW.subject, ':') - 1), NULL));
    UPDATE sidgate_revocation SET seq = (SELECT seq FROM sidgate_clock) WHERE kind = NEW.kind AND subject = NEW.subject;
END;
CREATE TRIGGER sidgate_revocation_updated AFTER UPDATE ON sidgate_revocation
WHEN NOT EXISTS (SELECT 1 FROM sidgate_event e
                 WHERE e.seq = NEW.seq AND e.kind = CASE NEW.kind WHEN 'all' THEN 'flush' WHEN 'member' THEN 'user' ELSE NEW.kind END
                   AND (e.session_group IS NOT NULL) = (NEW.kind = 'member')
                   AND coalesce(e.session_group || ':', '') || coalesce(e.user_id, e.tenant_id, '') = NEW.subject)
BEGIN
    INSERT INTO sidgate_append (kind, user_id, tenant_id, session_group)
    VALUES (CASE NEW.kind WHEN 'all' THEN 'flush' WHEN 'member' THEN 'user' ELSE NEW.kind END,
            CASE NEW.kind WHEN 'user' THEN NEW.subject WHEN 'member' THEN substr(NEW.subject, instr(NEW.subject, ':') + 1) END,
            iif(NEW.kind = 'tenant', NEW.subject, NULL),
            iif(NEW.kind = 'member', substr(NEW.subject, 1, instr(NEW.subject, ':') - 1), NULL));
    UPDATE sidgate_revocation SET seq = (SELECT seq FROM sidgate_clock) WHERE kind = NEW.kind AND subject = NEW.subject;
END;

CREATE TRIGGER sidgate_revocation_kept BEFORE UPDATE ON sidgate_revocation
-- A number above the head was made up, and is about to be replaced.
WHEN (NEW.kind, NEW.subject) IS NOT (OLD.kind, OLD.subject) OR NEW.seq < min(OLD.seq, (SELECT c.seq FROM sidgate_clock c))
BEGIN
    SELECT RAISE(ABORT, 'a revocation cannot be taken back: it would revive sessions');
END;
-- Housekeeping of version 11 takes every 'member' for pointless once its event is gone. Its batch goes on, and the row stays.
CREATE TRIGGER sidgate_revocation_undeleted BEFORE DELETE ON sidgate_revocation
WHEN EXISTS (SELECT 1 FROM sidgate_event e WHERE e.seq = OLD.seq)
  OR EXISTS (SELECT 1 FROM sidgate_session s
             WHERE s.revoked_at IS NULL AND s.created_seq < OLD.seq AND s.expires_at >= (SELECT expired_before FROM sidgate_clock)
               AND (OLD.kind = 'all' OR OLD.kind = 'user' AND s.user_id = OLD.subject OR OLD.kind = 'tenant' AND s.tenant_id = OLD.subject
                    OR OLD.kind = 'member' AND s.session_group || ':' || s.user_id = OLD.subject))
BEGIN
    SELECT CASE WHEN OLD.kind = 'member' AND NOT EXISTS (SELECT 1 FROM sidgate_event e WHERE e.seq = OLD.seq)
        THEN RAISE(IGNORE)
        ELSE RAISE(ABORT, 'a revocation cannot be taken back: it would revive sessions') END;
END;
CREATE TRIGGER sidgate_revocation_replaced BEFORE INSERT ON sidgate_revocation
WHEN NEW.seq < (SELECT r.seq FROM sidgate_revocation r WHERE r.kind = NEW.kind AND r.subject = NEW.subject)
BEGIN
    SELECT RAISE(ABORT, 'a revocation cannot be taken back: it would revive sessions');
END;

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

-- Codes with which a login was handed from one site to another: see the PostgreSQL schema.

CREATE TABLE sidgate_handover (
    code BLOB    NOT NULL PRIMARY KEY CHECK (length(code) = 32),
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sidgate_handover_at ON sidgate_handover (at);
