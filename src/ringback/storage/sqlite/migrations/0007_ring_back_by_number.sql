-- Numbers to ring back are found by their number, too: their tries need not be counted for that. Filled from the calls.
ALTER TABLE ring_back ADD COLUMN number TEXT NOT NULL DEFAULT '';
CREATE INDEX ring_back_of_number ON ring_back (app_id, number);
