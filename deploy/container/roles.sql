-- Run once, by the image of PostgreSQL, when its volume is empty. One role owns the tables, another one runs the gateway.
\set owner_password `cat /run/secrets/owner-password`
\set gateway_password `cat /run/secrets/gateway-password`
CREATE ROLE schema_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE sidgate LOGIN PASSWORD :'gateway_password';
REVOKE CONNECT ON DATABASE app FROM PUBLIC;
GRANT CONNECT ON DATABASE app TO schema_owner, sidgate;
GRANT USAGE, CREATE ON SCHEMA public TO schema_owner;
GRANT USAGE ON SCHEMA public TO sidgate;
