-- What must not be taken back, whoever writes: see the PostgreSQL schema. SQLite has one writer at a time and needs no turns.
--
-- No clock of the host decides, so a use in the future is refused only if it comes after the idle end.

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
  OR (OLD.user_id, OLD.tenant_id) IS NOT (NEW.user_id, NEW.tenant_id)
     AND EXISTS (SELECT 1 FROM sidgate_revocation r
                 WHERE (r.kind, r.subject) IN (VALUES ('user', OLD.user_id), ('tenant', OLD.tenant_id), ('all', ''))
                   AND (r.seq IS NULL OR r.seq > OLD.created_seq))
BEGIN
    SELECT RAISE(ABORT, 'a session that has ended cannot be revived, nor its life lengthened');
END;

-- A key opens one session, and nothing after its end.
CREATE TRIGGER sidgate_session_moved BEFORE UPDATE ON sidgate_session
WHEN NEW.session_key <> OLD.session_key
     AND (EXISTS (SELECT 1 FROM sidgate_dead d WHERE d.session_key = OLD.session_key)
          OR EXISTS (SELECT 1 FROM sidgate_former_key f WHERE f.session_key = NEW.session_key))
BEGIN
    SELECT RAISE(ABORT, 'a session that has ended keeps its key, and a former key leads to no other session');
END;

CREATE TRIGGER sidgate_session_stored BEFORE INSERT ON sidgate_session
WHEN NEW.created_seq > (SELECT c.seq FROM sidgate_clock c)
  OR EXISTS (SELECT 1 FROM sidgate_former_key f WHERE f.session_key = NEW.session_key)
BEGIN
    SELECT RAISE(ABORT, 'no session from the future is stored, nor one under a former key');
END;

-- INSERT OR REPLACE and UPDATE OR REPLACE remove the rows in their way without firing any trigger of theirs.
DROP TRIGGER sidgate_session_replaced;
CREATE TRIGGER sidgate_session_replaced BEFORE INSERT ON sidgate_session
WHEN EXISTS (SELECT 1 FROM sidgate_session s WHERE s.session_key = NEW.session_key OR s.id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the key or handle of a session is taken');
END;
CREATE TRIGGER sidgate_session_overtaken BEFORE UPDATE ON sidgate_session
WHEN NEW.session_key <> OLD.session_key
     AND EXISTS (SELECT 1 FROM sidgate_session s WHERE s.session_key = NEW.session_key)
BEGIN
    SELECT RAISE(ABORT, 'the key or handle of a session is taken');
END;
CREATE TRIGGER sidgate_revocation_replaced BEFORE INSERT ON sidgate_revocation
WHEN NEW.seq < (SELECT r.seq FROM sidgate_revocation r WHERE r.kind = NEW.kind AND r.subject = NEW.subject)
BEGIN
    SELECT RAISE(ABORT, 'a revocation cannot be taken back: it would revive sessions');
END;
-- What is there stays there: an insertion that allows for it goes on.
CREATE TRIGGER sidgate_legacy_replaced BEFORE INSERT ON sidgate_legacy
WHEN EXISTS (SELECT 1 FROM sidgate_legacy l WHERE l.legacy_key = NEW.legacy_key)
BEGIN
    SELECT RAISE(IGNORE);
END;

CREATE TRIGGER sidgate_former_key_stored BEFORE INSERT ON sidgate_former_key
WHEN EXISTS (SELECT 1 FROM sidgate_session s WHERE s.session_key = NEW.session_key)
  OR EXISTS (SELECT 1 FROM sidgate_former_key f WHERE f.session_key = NEW.session_key)
BEGIN
    SELECT RAISE(ABORT, 'the key of a session leads to no other one');
END;
CREATE TRIGGER sidgate_former_key_kept BEFORE UPDATE ON sidgate_former_key
WHEN NEW.session_key <> OLD.session_key OR NEW.until > OLD.until
  OR NEW.successor <> OLD.successor AND EXISTS (SELECT 1 FROM sidgate_session s WHERE s.session_key = OLD.successor)
BEGIN
    SELECT RAISE(ABORT, 'a former key leads where its session has gone, and no longer than it was given');
END;

CREATE TRIGGER sidgate_legacy_kept BEFORE UPDATE ON sidgate_legacy
WHEN NEW.legacy_key <> OLD.legacy_key
  OR OLD.ended_at IS NOT NULL AND (NEW.ended_at IS NULL OR NEW.session_key <> OLD.session_key)
BEGIN
    SELECT RAISE(ABORT, 'an old login that has ended stays ended');
END;
