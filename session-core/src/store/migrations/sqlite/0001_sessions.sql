-- Sessions, their revocations, and the log of events that every cache follows: the PostgreSQL schema in SQLite's terms.
--
-- SQLite has one writer at a time, so numbering at once is numbering in commit order. Times are microseconds since the
-- Unix epoch. Triggers use nothing but built-in functions of SQLite 3.38 and later: a change made with the sqlite3 shell
-- counts like one made by the gateway.
--
-- expired_before: rows that ended before it need no event when they go, because every cache knows their end. It is
-- written by whoever removes expired rows, with the gateway's clock; the host's clock decides nothing here.

CREATE TABLE sidgate_clock (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    seq            INTEGER NOT NULL,
    incarnation    BLOB    NOT NULL CHECK (length(incarnation) = 16),
    lease_ms       INTEGER NOT NULL CHECK (lease_ms > 0),
    expired_before INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO sidgate_clock (one, seq, incarnation, lease_ms) VALUES (1, 0, randomblob(16), 2000);

CREATE TABLE sidgate_event (
    seq         INTEGER PRIMARY KEY,
    eid         BLOB    NOT NULL DEFAULT (randomblob(16)) CHECK (length(eid) = 16),
    kind        TEXT    NOT NULL CHECK (kind IN ('session', 'user', 'tenant', 'flush')),
    session_key BLOB    CHECK ((kind = 'session') = (session_key IS NOT NULL)),
    user_id     TEXT    CHECK ((kind = 'user') = (user_id IS NOT NULL)),
    tenant_id   TEXT    CHECK ((kind = 'tenant') = (tenant_id IS NOT NULL)),
    at          INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
) STRICT;
CREATE INDEX sidgate_event_at ON sidgate_event (at);

CREATE TABLE sidgate_session (
    session_key   BLOB    PRIMARY KEY NOT NULL CHECK (length(session_key) = 32),
    id            TEXT    NOT NULL UNIQUE CHECK (length(id) = 36),
    user_id       TEXT    NOT NULL,
    tenant_id     TEXT,
    identity      TEXT    NOT NULL CHECK (json_valid(identity)),
    ip            TEXT,
    user_agent    TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    auth_time     INTEGER NOT NULL,
    last_activity INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    idle_seconds  INTEGER NOT NULL DEFAULT 0 CHECK (idle_seconds >= 0),
    revoked_at    INTEGER,
    revoke_reason TEXT,
    ref           TEXT,
    created_seq   INTEGER NOT NULL,
    version       INTEGER NOT NULL DEFAULT 1,
    -- The columns decide which revocations name a session and the document is what apps are told: they must not disagree.
    CONSTRAINT sidgate_session_user CHECK (user_id IS json_extract(identity, '$.user.id')),
    CONSTRAINT sidgate_session_tenant CHECK (tenant_id IS json_extract(identity, '$.tenant_id'))
) STRICT;
CREATE INDEX sidgate_session_user_id ON sidgate_session (user_id);
CREATE INDEX sidgate_session_tenant_id ON sidgate_session (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX sidgate_session_expires_at ON sidgate_session (expires_at);

CREATE TABLE sidgate_revocation (
    kind    TEXT NOT NULL CHECK (kind IN ('user', 'tenant', 'all')),
    subject TEXT NOT NULL CHECK ((kind = 'all') = (subject = '')),
    seq     INTEGER,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE sidgate_legacy (
    legacy_key  BLOB PRIMARY KEY NOT NULL CHECK (length(legacy_key) = 32),
    session_key BLOB NOT NULL,
    ended_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sidgate_legacy_session_key ON sidgate_legacy (session_key);
CREATE INDEX sidgate_legacy_ended_at ON sidgate_legacy (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE sidgate_node (
    node_id TEXT PRIMARY KEY NOT NULL,
    applied INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Writing to this view is how a trigger writes an event: the next number, and the event that bears it.
CREATE VIEW sidgate_append AS SELECT kind, session_key, user_id, tenant_id FROM sidgate_event;
CREATE TRIGGER sidgate_append_numbered INSTEAD OF INSERT ON sidgate_append BEGIN
    UPDATE sidgate_clock SET seq = seq + 1;
    INSERT INTO sidgate_event (seq, kind, session_key, user_id, tenant_id)
    SELECT seq, NEW.kind, NEW.session_key, NEW.user_id, NEW.tenant_id FROM sidgate_clock;
END;

-- Rows whose end no cache needs to be told of: it was announced before, or is known from expires_at.
CREATE VIEW sidgate_dead AS SELECT s.session_key FROM sidgate_session s
WHERE s.revoked_at IS NOT NULL
   OR s.expires_at < (SELECT expired_before FROM sidgate_clock)
   OR EXISTS (SELECT 1 FROM sidgate_revocation r
              WHERE (r.kind, r.subject) IN (VALUES ('user', s.user_id), ('tenant', s.tenant_id), ('all', ''))
                AND r.seq > s.created_seq);

-- Written before the change, while the row still is what caches believe.
CREATE TRIGGER sidgate_session_updated BEFORE UPDATE ON sidgate_session
WHEN (OLD.session_key, OLD.id, OLD.user_id, OLD.tenant_id, OLD.identity, OLD.ip, OLD.user_agent, OLD.created_at, OLD.auth_time,
      OLD.expires_at, OLD.idle_seconds, OLD.revoked_at, OLD.revoke_reason, OLD.ref, OLD.created_seq, OLD.version)
     IS NOT
     (NEW.session_key, NEW.id, NEW.user_id, NEW.tenant_id, NEW.identity, NEW.ip, NEW.user_agent, NEW.created_at, NEW.auth_time,
      NEW.expires_at, NEW.idle_seconds, NEW.revoked_at, NEW.revoke_reason, NEW.ref, NEW.created_seq, NEW.version)
     AND (NEW.revoked_at IS NULL OR NOT EXISTS (SELECT 1 FROM sidgate_dead d WHERE d.session_key = OLD.session_key))
BEGIN
    INSERT INTO sidgate_append (kind, session_key) VALUES ('session', OLD.session_key);
    INSERT INTO sidgate_append (kind, session_key) SELECT 'session', NEW.session_key WHERE NEW.session_key <> OLD.session_key;
END;

CREATE TRIGGER sidgate_session_deleted BEFORE DELETE ON sidgate_session
WHEN NOT EXISTS (SELECT 1 FROM sidgate_dead d WHERE d.session_key = OLD.session_key)
BEGIN
    INSERT INTO sidgate_append (kind, session_key) VALUES ('session', OLD.session_key);
END;

-- INSERT OR REPLACE removes the rows in its way without firing their delete triggers.
CREATE TRIGGER sidgate_session_replaced BEFORE INSERT ON sidgate_session
WHEN EXISTS (SELECT 1 FROM sidgate_session s WHERE s.session_key = NEW.session_key OR s.id = NEW.id)
BEGIN
    INSERT INTO sidgate_append (kind, session_key)
    SELECT 'session', s.session_key FROM sidgate_session s WHERE s.session_key = NEW.session_key OR s.id = NEW.id;
END;

-- A number counts only if there is an event that bears it and says the same: one written by hand is replaced, and the
-- update made here does not start the trigger over again.
CREATE TRIGGER sidgate_revocation_inserted AFTER INSERT ON sidgate_revocation
WHEN NOT EXISTS (SELECT 1 FROM sidgate_event e WHERE e.seq = NEW.seq AND e.kind = iif(NEW.kind = 'all', 'flush', NEW.kind)
                 AND coalesce(e.user_id, e.tenant_id, '') = NEW.subject)
BEGIN
    INSERT INTO sidgate_append (kind, user_id, tenant_id)
    VALUES (iif(NEW.kind = 'all', 'flush', NEW.kind), iif(NEW.kind = 'user', NEW.subject, NULL), iif(NEW.kind = 'tenant', NEW.subject, NULL));
    UPDATE sidgate_revocation SET seq = (SELECT seq FROM sidgate_clock) WHERE kind = NEW.kind AND subject = NEW.subject;
END;
CREATE TRIGGER sidgate_revocation_updated AFTER UPDATE ON sidgate_revocation
WHEN NOT EXISTS (SELECT 1 FROM sidgate_event e WHERE e.seq = NEW.seq AND e.kind = iif(NEW.kind = 'all', 'flush', NEW.kind)
                 AND coalesce(e.user_id, e.tenant_id, '') = NEW.subject)
BEGIN
    INSERT INTO sidgate_append (kind, user_id, tenant_id)
    VALUES (iif(NEW.kind = 'all', 'flush', NEW.kind), iif(NEW.kind = 'user', NEW.subject, NULL), iif(NEW.kind = 'tenant', NEW.subject, NULL));
    UPDATE sidgate_revocation SET seq = (SELECT seq FROM sidgate_clock) WHERE kind = NEW.kind AND subject = NEW.subject;
END;

-- Taking a revocation back would revive sessions. A row may go only when it has become pointless: its event is no longer
-- kept, so no login that was under way then can still be, and no session that it ends would live without it.
CREATE TRIGGER sidgate_revocation_kept BEFORE UPDATE ON sidgate_revocation
-- A number above the head was made up, and is about to be replaced.
WHEN (NEW.kind, NEW.subject) IS NOT (OLD.kind, OLD.subject) OR NEW.seq < min(OLD.seq, (SELECT c.seq FROM sidgate_clock c))
BEGIN
    SELECT RAISE(ABORT, 'a revocation cannot be taken back: it would revive sessions');
END;
CREATE TRIGGER sidgate_revocation_undeleted BEFORE DELETE ON sidgate_revocation
WHEN EXISTS (SELECT 1 FROM sidgate_event e WHERE e.seq = OLD.seq)
  OR EXISTS (SELECT 1 FROM sidgate_session s
             WHERE s.revoked_at IS NULL AND s.created_seq < OLD.seq AND s.expires_at >= (SELECT expired_before FROM sidgate_clock)
               AND (OLD.kind = 'all' OR OLD.kind = 'user' AND s.user_id = OLD.subject OR OLD.kind = 'tenant' AND s.tenant_id = OLD.subject))
BEGIN
    SELECT RAISE(ABORT, 'a revocation cannot be taken back: it would revive sessions');
END;
