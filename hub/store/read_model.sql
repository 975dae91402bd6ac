-- The read model: derived from the log, thrown away and written again when this file changes.
CREATE TABLE record (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, id, version)
) WITHOUT ROWID;
CREATE TABLE record_name (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  system TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (kind, value, system, id)
) WITHOUT ROWID;
CREATE TABLE record_journey (
  journey TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (journey, kind, id)
) WITHOUT ROWID;
CREATE INDEX record_journey_of ON record_journey (kind, id);
CREATE TABLE reached (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  position INTEGER NOT NULL
);
