-- References of apps belong to the app that set them, and are sealed: a reader of this table learns nothing that opens a
-- session anywhere. What earlier versions wrote here in the clear goes; apps begin anew with what they kept behind it.
--
-- A new column takes the place of the old one: that takes no time, however many rows there are. The trigger names the
-- column, and is as before. One flush makes every gateway read its sessions again.

DROP TRIGGER sidgate_session_updated ON sidgate_session;
ALTER TABLE sidgate_session DROP COLUMN ref, ADD COLUMN ref text;
COMMENT ON COLUMN sidgate_session.ref IS 'app:sealed for each app that has set one, separated by spaces';
CREATE CONSTRAINT TRIGGER sidgate_session_updated AFTER UPDATE ON sidgate_session
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.session_key, OLD.id, OLD.user_id, OLD.tenant_id, OLD.identity, OLD.ip, OLD.user_agent, OLD.created_at, OLD.auth_time,
           OLD.expires_at, OLD.idle_seconds, OLD.revoked_at, OLD.revoke_reason, OLD.ref, OLD.created_seq, OLD.version)
          IS DISTINCT FROM
          (NEW.session_key, NEW.id, NEW.user_id, NEW.tenant_id, NEW.identity, NEW.ip, NEW.user_agent, NEW.created_at, NEW.auth_time,
           NEW.expires_at, NEW.idle_seconds, NEW.revoked_at, NEW.revoke_reason, NEW.ref, NEW.created_seq, NEW.version))
    EXECUTE FUNCTION sidgate_session_changed();

DO $$ BEGIN PERFORM sidgate_append('flush', NULL, NULL, NULL) WHERE EXISTS (SELECT FROM sidgate_session); END $$;
