-- Networks from which accounts have logged in lately: see the PostgreSQL schema.

CREATE TABLE sidgate_login_network (
    id      INTEGER PRIMARY KEY,
    account BLOB    NOT NULL CHECK (length(account) = 32),
    owner   BLOB    NOT NULL CHECK (length(owner) = 32),
    network BLOB    NOT NULL CHECK (length(network) = 32),
    seen_at INTEGER NOT NULL,
    UNIQUE (account, owner, network)
) STRICT;
CREATE INDEX sidgate_login_network_owner ON sidgate_login_network (owner, id);
