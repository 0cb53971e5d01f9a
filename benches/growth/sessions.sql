-- Sessions number :first to :last of :rows, for psql. Their logins are spread evenly over 30 days and 20 hours, in the order of
-- their numbers, and a session lives for 30 days: so a few have expired. Every nineteenth was revoked within the last day. What has
-- ended is still there, as housekeeping leaves it for a day. Numbers below 1 are older: they are due to be removed.
--
-- A user has four sessions, far apart in the table; a tenant has a thousand. The identity is that of `somebody` in benches/src.
-- :key is the key of session n.

SET session_replication_role = replica;
INSERT INTO sidgate_session (session_key, id, user_id, tenant_id, identity, ip, user_agent, created_at, auth_time, last_activity,
    expires_at, idle_seconds, revoked_at, revoke_reason, created_seq)
SELECT :key,
    -- A UUIDv7: handles grow with the time of the login.
    (lpad(to_hex((extract(epoch FROM created_at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
        || substr(md5(n::text), 5, 15))::uuid,
    u::text, tenant,
    jsonb_build_object(
        'user', jsonb_build_object('id', u::text, 'email', format('somebody.%s@example.com', u),
            'name', 'Somebody of Average Name', 'is_staff', false, 'locale', 'en-GB'),
        'tenant_id', tenant, 'needs_onboarding', false,
        'attributes', '{"plan": "business", "roles": ["editor", "billing"], "timezone": "Europe/Vienna",
            "features": ["reports", "exports", "api", "audit-log", "custom-fields"]}'::jsonb,
        'auth_hash', '5d41402abc4b2a76b9719d911017c592a7c4f1d2e8b90a3c'),
    '10.0.0.0'::inet + n % 1000000,
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    created_at, created_at,
    LEAST(GREATEST(created_at, now() - n * 37 % 4320 * interval '1 minute'), created_at + interval '30 days'),
    created_at + interval '30 days', 7 * 86400,
    CASE WHEN n % 19 = 7 THEN GREATEST(created_at, now() - n % 1200 * interval '1 minute') END,
    CASE WHEN n % 19 = 7 THEN 'logout' END,
    GREATEST(n / 10, 0)
FROM generate_series(:first, :last) AS n,
    LATERAL (SELECT mod(n + :rows, GREATEST(:rows / 4, 1)) AS u,
        now() - (1 - n::float8 / :rows) * interval '740 hours' - CASE WHEN n < 1 THEN 10 ELSE 0 END * interval '1 day' AS created_at) a,
    LATERAL (SELECT format('tenant-%s', u % GREATEST(:rows / 1000, 1)) AS tenant) b;
