-- A validation is a run too: what its probes are paid with. NULL where none was named; workers of before ignore both.

ALTER TABLE release_examinations ADD COLUMN payment_method text;

ALTER TABLE release_examinations ADD COLUMN customer text;
