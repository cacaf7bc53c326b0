-- Whose a freed slug was: that workspace may take it back. Empty for one that
-- is gone.
ALTER TABLE quarantined_slugs ADD COLUMN holder TEXT NOT NULL DEFAULT '';
