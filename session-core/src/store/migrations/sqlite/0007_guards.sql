-- What must not be taken back, whoever writes: see the PostgreSQL schema. SQLite has one writer at a time and needs no turns.

CREATE TRIGGER sidgate_session_kept BEFORE UPDATE ON sidgate_session
WHEN OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL
  OR NEW.created_seq > OLD.created_seq
  OR NEW.expires_at > OLD.expires_at
  OR OLD.idle_seconds > 0 AND (NEW.idle_seconds = 0 OR NEW.idle_seconds > OLD.idle_seconds)
  OR (OLD.user_id, OLD.tenant_id) IS NOT (NEW.user_id, NEW.tenant_id)
     AND EXISTS (SELECT 1 FROM sidgate_revocation r
                 WHERE (r.kind, r.subject) IN (VALUES ('user', OLD.user_id), ('tenant', OLD.tenant_id), ('all', ''))
                   AND r.seq > OLD.created_seq)
BEGIN
    SELECT RAISE(ABORT, 'a session that has ended cannot be revived, nor its life lengthened');
END;

CREATE TRIGGER sidgate_session_dated BEFORE INSERT ON sidgate_session
WHEN NEW.created_seq > (SELECT c.seq FROM sidgate_clock c)
BEGIN
    SELECT RAISE(ABORT, 'created_seq is above the last event: no revocation would reach this session');
END;
