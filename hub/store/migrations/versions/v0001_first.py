"""First version of the store."""

from __future__ import annotations

from alembic import op

from hub.store.migrations.dialect import ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE body (
  id INTEGER PRIMARY KEY,
  partner TEXT NOT NULL,
  period TEXT NOT NULL,
  kind TEXT NOT NULL,
  sealed BLOB NOT NULL
);
CREATE INDEX body_period ON body (period, partner);

CREATE TABLE inbox (
  id INTEGER PRIMARY KEY,
  received TEXT NOT NULL,
  partner TEXT NOT NULL,
  channel TEXT NOT NULL,
  format TEXT NOT NULL,
  type TEXT NOT NULL,
  source_id TEXT NOT NULL,
  sameness TEXT NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  parts TEXT NOT NULL,
  account TEXT NOT NULL,
  body INTEGER REFERENCES body (id) ON DELETE SET NULL,
  residual INTEGER REFERENCES body (id) ON DELETE SET NULL,
  repeats INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX inbox_same ON inbox (partner, source_id, sameness);
CREATE INDEX inbox_outcome ON inbox (outcome, id) WHERE outcome IN ('received', 'held', 'rejected');

CREATE TABLE log (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  inbox INTEGER,
  event TEXT NOT NULL,
  salt BLOB,
  leaf BLOB NOT NULL
);
CREATE INDEX log_inbox ON log (inbox);

CREATE TABLE batch (
  number INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  root BLOB NOT NULL,
  chain BLOB NOT NULL,
  signature BLOB NOT NULL
);

CREATE TABLE name (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  system TEXT NOT NULL,
  value TEXT NOT NULL,
  main INTEGER NOT NULL DEFAULT 0,
  known INTEGER NOT NULL DEFAULT 0,
  UNIQUE (value, system, kind)
);
CREATE TABLE edge (
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  same INTEGER NOT NULL,
  PRIMARY KEY (low, high, same)
) WITHOUT ROWID;
CREATE INDEX edge_high ON edge (high, low, same);
CREATE TABLE mention (
  name INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (name, position)
) WITHOUT ROWID;
CREATE TABLE journey (
  id TEXT PRIMARY KEY,
  root INTEGER NOT NULL UNIQUE,
  next_check TEXT
) WITHOUT ROWID;
CREATE INDEX journey_check ON journey (next_check) WHERE next_check IS NOT NULL;
CREATE TABLE link (
  journey TEXT NOT NULL,
  position INTEGER NOT NULL,
  via INTEGER NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (journey, position)
) WITHOUT ROWID;
CREATE INDEX link_position ON link (position);
CREATE INDEX link_late ON link (since) WHERE since > position;
CREATE TABLE alias (
  journey TEXT PRIMARY KEY,
  now TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE issue (
  id TEXT NOT NULL,
  journey TEXT NOT NULL,
  rule TEXT NOT NULL,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  text TEXT NOT NULL,
  settle TEXT NOT NULL,
  facts TEXT NOT NULL,
  opened TEXT NOT NULL,
  closed TEXT,
  times INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (journey, id)
) WITHOUT ROWID;
CREATE INDEX issue_open ON issue (severity, opened) WHERE closed IS NULL;

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  partner TEXT NOT NULL,
  journey TEXT NOT NULL,
  position INTEGER NOT NULL,
  message TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  due TEXT NOT NULL,
  body INTEGER REFERENCES body (id) ON DELETE SET NULL,
  note TEXT NOT NULL DEFAULT '',
  account TEXT NOT NULL DEFAULT '{}',
  UNIQUE (partner, position, message)
);
CREATE INDEX delivery_due ON delivery (due, id) WHERE state = 'waiting';
CREATE INDEX delivery_turn ON delivery (partner, journey, id) WHERE state = 'waiting';

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  act TEXT NOT NULL,
  about TEXT NOT NULL,
  detail TEXT NOT NULL
);

CREATE TABLE person (
  token TEXT PRIMARY KEY,
  region TEXT NOT NULL,
  key BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE identity (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL REFERENCES person (token) ON DELETE CASCADE,
  partner TEXT NOT NULL,
  digest TEXT NOT NULL,
  since TEXT NOT NULL,
  sealed BLOB NOT NULL,
  UNIQUE (token, partner, digest)
);
CREATE TABLE blind (
  entry TEXT NOT NULL,
  token TEXT NOT NULL REFERENCES person (token) ON DELETE CASCADE,
  PRIMARY KEY (entry, token)
) WITHOUT ROWID;
CREATE TABLE sealed (
  token TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  period TEXT NOT NULL,
  kind TEXT NOT NULL,
  sealed BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE shown (
  partner TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  residual INTEGER,
  PRIMARY KEY (partner, kind, id)
) WITHOUT ROWID;

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
"""


def upgrade() -> None:
    for statement in ddl(_TABLES, op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a log is never downgraded: restore the backup that was made before the upgrade")
