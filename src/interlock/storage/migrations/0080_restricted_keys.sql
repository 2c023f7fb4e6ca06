-- Keys that may do only some things: per family of objects 'read' or 'write'; NULL for keys that are not restricted.

ALTER TABLE api_keys
    ADD COLUMN permissions jsonb,
    DROP CONSTRAINT api_keys_kind_check,
    ADD CONSTRAINT api_keys_kind_check CHECK (kind IN ('secret', 'publishable', 'restricted')),
    ADD CONSTRAINT api_keys_permissions_check CHECK ((permissions IS NOT NULL) = (kind = 'restricted'));
