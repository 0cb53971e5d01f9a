-- For pgbench: a login, as the gateway stores it. Housekeeping removes the session a minute later.
\set user random(1, 500000)
INSERT INTO sidgate_session (session_key, id, user_id, tenant_id, identity, ip, user_agent, created_at, auth_time, last_activity,
    expires_at, idle_seconds, created_seq)
SELECT sha256(gen_random_uuid()::text::bytea),
    (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8'
        || substr(md5(random()::text), 5, 15))::uuid,
    :user::text, 'tenant-1',
    jsonb_build_object('user', jsonb_build_object('id', :user::text, 'email', 'somebody@example.com', 'name', 'Somebody of Average Name'),
        'tenant_id', 'tenant-1', 'attributes', '{"plan": "business", "roles": ["editor", "billing"]}'::jsonb),
    '192.0.2.7', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    clock_timestamp() - interval '1 day', clock_timestamp() - interval '1 day', clock_timestamp() - interval '1 day',
    clock_timestamp() - interval '23 hours 59 minutes', 0, (SELECT seq FROM sidgate_clock);
