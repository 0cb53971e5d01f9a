-- Sids that were renewed: a session gets another key, and the old one leads to it for a few seconds more.
--
-- The session stays one row, with its handle and its login. So whoever ends it, by whatever means, ends it under both keys.
-- sidgate_session.renewed_at: since when it has its present key; NULL: since created_at.
--
-- A gateway needs SELECT, INSERT, UPDATE, DELETE on sidgate_former_key.

ALTER TABLE sidgate_session ADD COLUMN renewed_at timestamptz;

CREATE TABLE sidgate_former_key (
    session_key bytea PRIMARY KEY CHECK (octet_length(session_key) = 32),
    successor   bytea       NOT NULL,
    until       timestamptz NOT NULL
);
COMMENT ON TABLE sidgate_former_key IS 'Keys that sessions had before. They are kept for a day, to recognise who comes too late with one';
CREATE INDEX sidgate_former_key_successor ON sidgate_former_key (successor);
CREATE INDEX sidgate_former_key_until ON sidgate_former_key (until);

-- The key under which a session is stored now that was asked for by this one.
CREATE FUNCTION sidgate_current_key(asked bytea) RETURNS bytea
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT coalesce((SELECT f.successor FROM sidgate_former_key f
                     WHERE f.session_key = asked AND f.until > clock_timestamp()), asked)
$$;
