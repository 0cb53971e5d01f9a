-- What housekeeping looks for must be found without reading what it leaves alone.
--
-- Sessions by the time of their revocation, and those without one in the order of their logins: by the latter what a
-- mass revocation has ended is found and marked, and leaves the index as it is. The index on tenants serves both the
-- marking and the counting, so it replaces the one without order.

CREATE INDEX sidgate_session_revoked_at ON sidgate_session (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sidgate_session_created_seq ON sidgate_session (created_seq) WHERE revoked_at IS NULL;
DROP INDEX sidgate_session_tenant_id;
CREATE INDEX sidgate_session_tenant_id ON sidgate_session (tenant_id, created_seq)
    WHERE tenant_id IS NOT NULL AND revoked_at IS NULL;
