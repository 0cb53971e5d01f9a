-- References of apps belong to the app that set them, and are sealed: see the PostgreSQL schema.

UPDATE sidgate_session SET ref = NULL WHERE ref IS NOT NULL;
