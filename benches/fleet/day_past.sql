-- :rows sessions that ended within :length seconds, a day ago: housekeeping removes them one after another during the run.
-- psql runs this. Who writes them is no gateway, so no event is due. Handles and users grow with the time, as they do in use: so the
-- pages of an index empty one after another.

SET session_replication_role = replica;
INSERT INTO sidgate_session (session_key, id, user_id, tenant_id, identity, ip, user_agent, created_at, auth_time, last_activity,
    expires_at, idle_seconds, revoked_at, revoke_reason, created_seq)
SELECT sha256(convert_to('past ' || n, 'UTF8')),
    (lpad(to_hex((extract(epoch FROM ended) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
        || substr(md5(n::text), 5, 15))::uuid, u, 'tenant-0',
    jsonb_build_object('user', jsonb_build_object('id', u, 'email', u, 'name', 'Somebody of Average Name'), 'tenant_id', 'tenant-0',
        'attributes', '{"plan": "business", "roles": ["editor", "billing"], "timezone": "Europe/Vienna",
            "features": ["reports", "exports", "api", "audit-log", "custom-fields"]}'::jsonb),
    '127.0.0.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
    ended - interval '20 seconds', ended - interval '20 seconds', ended, ended + interval '24 hours', 12 * 3600, ended, 'logout', 0
FROM generate_series(1, :rows) AS n,
    LATERAL (SELECT format('user%s@example.com', 1000000000000000 + n) AS u,
        now() - interval '24 hours' + n::float8 / :rows * :length * interval '1 second' AS ended) a;
