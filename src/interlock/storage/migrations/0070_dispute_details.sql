-- What is shown with a dispute and decided by nobody: the card it is about.

ALTER TABLE disputes ADD COLUMN details jsonb NOT NULL DEFAULT '{}';
