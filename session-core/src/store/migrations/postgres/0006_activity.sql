-- From where sessions were used: one row for each change of network or client software, so that rules about suspicious
-- activity can be judged, and tried out on the past. No key and no sid; a row outlives its session, up to its retention.
--
-- network: the first address of the /24 or /64. left_at: when the context before this one was last seen.

CREATE TABLE sidgate_activity (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid        NOT NULL,
    user_id    text        NOT NULL,
    tenant_id  text,
    at         timestamptz NOT NULL,
    left_at    timestamptz,
    network    inet        NOT NULL,
    family     text        NOT NULL CHECK (length(family) <= 100),
    country    text        CHECK (length(country) <= 10),
    asn        bigint      CHECK (asn BETWEEN 0 AND 4294967295),
    lat        float8      CHECK (lat BETWEEN -90 AND 90),
    lon        float8      CHECK (lon BETWEEN -180 AND 180),
    signals    text        NOT NULL CHECK (length(signals) <= 200)
);
CREATE INDEX sidgate_activity_session_id ON sidgate_activity (session_id, id);
CREATE INDEX sidgate_activity_at ON sidgate_activity (at, id);
COMMENT ON TABLE sidgate_activity IS
    'What `sidgate risk backtest` reads. A gateway with [risk] needs SELECT, INSERT, DELETE';
