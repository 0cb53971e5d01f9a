-- What housekeeping looks for must be found without reading what it leaves alone: see the PostgreSQL schema.

CREATE INDEX sidgate_session_revoked_at ON sidgate_session (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sidgate_session_created_seq ON sidgate_session (created_seq) WHERE revoked_at IS NULL;
DROP INDEX sidgate_session_tenant_id;
CREATE INDEX sidgate_session_tenant_id ON sidgate_session (tenant_id, created_seq)
    WHERE tenant_id IS NOT NULL AND revoked_at IS NULL;
