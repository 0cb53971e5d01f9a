-- References of apps belong to the app that set them, and are sealed: a reader of this table learns nothing that opens a
-- session anywhere. What earlier versions wrote here in the clear goes; apps begin anew with what they kept behind it.

UPDATE sidgate_session SET ref = NULL WHERE ref IS NOT NULL;
COMMENT ON COLUMN sidgate_session.ref IS 'app:sealed for each app that has set one, separated by spaces';
