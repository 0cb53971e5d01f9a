-- For pgbench: the last use of a session is written. Its row is found as the gateway finds it.
\set number random(1000000, 2000000)
UPDATE sidgate_session SET last_activity = clock_timestamp()
WHERE session_key = sha256(:number::text::bytea) AND revoked_at IS NULL AND last_activity < clock_timestamp();
