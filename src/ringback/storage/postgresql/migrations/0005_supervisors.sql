-- Agents who may see the calls of all agents of their app.
ALTER TABLE agent ADD COLUMN is_supervisor boolean NOT NULL DEFAULT false;
