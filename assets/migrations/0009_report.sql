-- When the broker is told of a value, as people write it; NULL: every time it is read.
ALTER TABLE meter_object ADD COLUMN report TEXT;
