-- Programs that are older than the schema ask whether they may work with it: compatible_from is the oldest version whose
-- programs do. NULL: only programs that know the version of the row do.

ALTER TABLE sidgate_schema ADD COLUMN compatible_from INTEGER CHECK (compatible_from BETWEEN 1 AND version);
UPDATE sidgate_schema SET compatible_from = version;
