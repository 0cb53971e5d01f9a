-- From where sessions were used: see the PostgreSQL schema.

CREATE TABLE sidgate_activity (
    id         INTEGER PRIMARY KEY,
    session_id TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    tenant_id  TEXT,
    at         INTEGER NOT NULL,
    left_at    INTEGER,
    network    TEXT    NOT NULL,
    family     TEXT    NOT NULL CHECK (length(family) <= 100),
    country    TEXT    CHECK (length(country) <= 10),
    asn        INTEGER CHECK (asn BETWEEN 0 AND 4294967295),
    lat        REAL    CHECK (lat BETWEEN -90 AND 90),
    lon        REAL    CHECK (lon BETWEEN -180 AND 180),
    signals    TEXT    NOT NULL CHECK (length(signals) <= 200)
) STRICT;
CREATE INDEX sidgate_activity_session_id ON sidgate_activity (session_id, id);
CREATE INDEX sidgate_activity_at ON sidgate_activity (at, id);
