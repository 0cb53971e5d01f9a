-- For pgbench: a logout. Its trigger numbers an event.
\set number random(100000, 1000000)
UPDATE sidgate_session SET revoked_at = clock_timestamp(), revoke_reason = 'logout'
WHERE session_key = sha256(:number::text::bytea) AND revoked_at IS NULL;
