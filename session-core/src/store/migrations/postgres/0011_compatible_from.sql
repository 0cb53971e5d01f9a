-- Programs that are older than the schema ask whether they may work with it: compatible_from is the oldest version whose
-- programs do. Of the versions before this one only their own programs know that.

ALTER TABLE sidgate_schema ADD COLUMN compatible_from integer
    CONSTRAINT sidgate_schema_compatible_from CHECK (compatible_from BETWEEN 1 AND version);
UPDATE sidgate_schema SET compatible_from = version;
COMMENT ON COLUMN sidgate_schema.compatible_from IS
    'Programs of this version and later work with the schema. NULL: only programs that know the version of the row do';
