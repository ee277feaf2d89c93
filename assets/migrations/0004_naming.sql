-- How the meter calls its objects: ln by logical names, sn by short names.
ALTER TABLE meter ADD COLUMN naming TEXT NOT NULL DEFAULT 'ln';
