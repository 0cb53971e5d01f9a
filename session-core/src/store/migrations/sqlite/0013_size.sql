-- Indexes for what is looked for, as in the PostgreSQL schema. There is no vacuum to set up here: SQLite uses free pages again.

DROP INDEX sidgate_event_at;
CREATE INDEX sidgate_event_user_id ON sidgate_event (user_id) WHERE user_id IS NOT NULL;
