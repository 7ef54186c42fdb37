-- What finds them.
CREATE INDEX ring_back_of_number ON ring_back (app_id, number);
