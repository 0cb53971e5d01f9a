-- Networks from which accounts have logged in lately: whoever comes from one of them again is not held to what strangers
-- have tried. Every column but the time is a keyed digest, so that nobody can read from it who logs in from where.
--
-- account: the name that was typed, in one spelling. owner: the id of the user who logged in under it. network: account and
-- network together. id: the order in which they were last written; the highest is the newest.

CREATE TABLE sidgate_login_network (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bytea       NOT NULL CHECK (octet_length(account) = 32),
    owner   bytea       NOT NULL CHECK (octet_length(owner) = 32),
    network bytea       NOT NULL CHECK (octet_length(network) = 32),
    seen_at timestamptz NOT NULL,
    UNIQUE (account, owner, network)
);
CREATE INDEX sidgate_login_network_owner ON sidgate_login_network (owner, id);
COMMENT ON TABLE sidgate_login_network IS
    'Networks from which accounts have logged in, for 30 days. A gateway needs SELECT, INSERT, UPDATE, DELETE';
