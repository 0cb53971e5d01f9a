-- Sids that were renewed: a session gets another key, and the old one leads to it for a few seconds more.
--
-- The session stays one row, with its handle and its login. So whoever ends it, by whatever means, ends it under both keys.
-- sidgate_session.renewed_at: since when it has its present key; NULL: since created_at.

ALTER TABLE sidgate_session ADD COLUMN renewed_at INTEGER;

CREATE TABLE sidgate_former_key (
    session_key BLOB PRIMARY KEY NOT NULL CHECK (length(session_key) = 32),
    successor   BLOB    NOT NULL,
    until       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sidgate_former_key_successor ON sidgate_former_key (successor);
CREATE INDEX sidgate_former_key_until ON sidgate_former_key (until);
