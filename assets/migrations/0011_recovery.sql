-- When the meter is tried again, paused, or one object rested, as people write it; NULL: all as usual.
ALTER TABLE meter ADD COLUMN recovery TEXT;
