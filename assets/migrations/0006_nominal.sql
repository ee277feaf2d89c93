-- What the installation should have, so that values can be judged: volts between phase and neutral, hertz.
ALTER TABLE meter ADD COLUMN nominal_voltage REAL;
ALTER TABLE meter ADD COLUMN nominal_frequency REAL;
