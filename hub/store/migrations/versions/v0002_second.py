"""Second version: what mended messages come from, and indexes for search."""

from __future__ import annotations

from alembic import op

from hub.store.migrations.dialect import ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CHANGES = """
ALTER TABLE inbox ADD COLUMN mended INTEGER;
ALTER TABLE inbox ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN hint TEXT NOT NULL DEFAULT '';
CREATE INDEX inbox_source ON inbox (source_id);
CREATE INDEX inbox_partner ON inbox (partner, id);
CREATE INDEX inbox_received ON inbox (received);
DROP INDEX link_late;
CREATE INDEX link_late ON link (since) WHERE since <> position;

ALTER TABLE inbox ADD COLUMN configuration TEXT NOT NULL DEFAULT '';
CREATE INDEX inbox_mended ON inbox (mended) WHERE mended IS NOT NULL;
CREATE TABLE replay (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  cause TEXT NOT NULL,
  reason TEXT NOT NULL,
  chosen TEXT NOT NULL,
  state TEXT NOT NULL,
  upto INTEGER NOT NULL,
  looked INTEGER NOT NULL DEFAULT 0,
  ended TEXT
);
CREATE INDEX replay_open ON replay (id) WHERE state IN ('choosing', 'running');
CREATE TABLE replayed (
  replay INTEGER NOT NULL,
  inbox INTEGER NOT NULL,
  was TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL DEFAULT '',
  added INTEGER NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (replay, inbox)
) WITHOUT ROWID;
CREATE INDEX replayed_waiting ON replayed (replay, inbox) WHERE outcome = '';
CREATE INDEX replayed_of ON replayed (inbox);
CREATE INDEX audit_about ON audit (about);
DROP INDEX body_period;
CREATE INDEX body_kept ON body (kind, period, partner);
CREATE INDEX inbox_body ON inbox (body) WHERE body IS NOT NULL;
CREATE INDEX inbox_residual ON inbox (residual) WHERE residual IS NOT NULL;
CREATE INDEX delivery_body ON delivery (body) WHERE body IS NOT NULL;
CREATE INDEX shown_residual ON shown (residual);
CREATE INDEX sealed_kept ON sealed (kind, period, partner);
CREATE TABLE erased (
  position INTEGER PRIMARY KEY,
  told INTEGER NOT NULL
);
CREATE TABLE moved (
  since INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (since, position)
) WITHOUT ROWID;
ALTER TABLE delivery ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN issue TEXT NOT NULL DEFAULT '';
DROP INDEX delivery_due;
CREATE INDEX delivery_open ON delivery (state, partner, id) WHERE state <> 'done';
CREATE INDEX delivery_issue ON delivery (issue) WHERE issue <> '';
CREATE INDEX delivery_journey ON delivery (journey, position);
CREATE TABLE line (
  partner TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  until TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX inbox_kind ON inbox (partner, type, id);
CREATE INDEX inbox_type ON inbox (type, id);
CREATE INDEX inbox_outcomes ON inbox (outcome, id) WHERE outcome <> 'recorded';
CREATE INDEX log_type ON log (type, position);
CREATE INDEX delivery_position ON delivery (position);
CREATE INDEX delivery_partner ON delivery (partner, id);
CREATE INDEX issue_opened ON issue (opened, journey, id);
CREATE INDEX issue_rule ON issue (rule, opened, journey, id);
CREATE INDEX alias_now ON alias (now);
"""

_POSTGRESQL = """
ALTER TABLE name ADD COLUMN parent BIGINT;
ALTER TABLE name ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
CREATE INDEX name_parent ON name (parent) WHERE parent IS NOT NULL;
ALTER SEQUENCE body_id_seq INCREMENT BY 100;
ALTER SEQUENCE inbox_id_seq INCREMENT BY 100;
ALTER SEQUENCE name_id_seq INCREMENT BY 100
"""
"""What several writers need: which names belong together, whose turn it was, and row ids in blocks."""


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in ddl(_CHANGES, dialect):
        op.execute(statement)
    for statement in _POSTGRESQL.split(";") if dialect == "postgresql" else ():
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a log is never downgraded: restore the backup that was made before the upgrade")
