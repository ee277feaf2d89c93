-- How often an object is read where not with every poll of its meter; NULL: as the meter is polled.
ALTER TABLE meter_object ADD COLUMN every_ms INTEGER;
-- A meter is not asked again sooner than this, however quickly it answers otherwise.
ALTER TABLE meter ADD COLUMN timeout_floor_ms INTEGER NOT NULL DEFAULT 1000;
-- Whether serial number and firmware are read once an association, to notice another meter.
ALTER TABLE meter ADD COLUMN identify INTEGER NOT NULL DEFAULT 1;

-- Two meters of one place are looked for with every one that is saved.
CREATE INDEX meter_place ON meter (host COLLATE NOCASE, port);
