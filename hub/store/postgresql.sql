-- What PostgreSQL alone is asked, and what it is asked in other words than SQLite (`queries.sql`).

-- name: lock_message
SELECT pg_advisory_xact_lock(?)

-- name: try_message
SELECT pg_try_advisory_xact_lock(?)

-- name: names_by_key
WITH RECURSIVE found AS (
  SELECT name.id, name.kind, name.system, name.value, name.main, name.known, name.parent
  FROM unnest(?::text[], ?::text[], ?::text[]) AS k (kind, system, value)
  JOIN name ON name.value = k.value AND name.system = k.system AND name.kind = k.kind
), up AS (
  SELECT id AS start, id, parent FROM found
  UNION ALL SELECT up.start, name.id, name.parent FROM up JOIN name ON name.id = up.parent
)
SELECT found.id, found.kind, found.system, found.value, found.main, found.known, up.id
FROM found JOIN up ON up.start = found.id AND up.parent IS NULL

-- name: components_of
WITH RECURSIVE up AS (
  SELECT id AS start, id, parent FROM name WHERE id = ANY(?::bigint[])
  UNION ALL SELECT up.start, name.id, name.parent FROM up JOIN name ON name.id = up.parent
)
SELECT start, id FROM up WHERE parent IS NULL

-- name: parts_of
WITH RECURSIVE down AS (
  SELECT id FROM name WHERE parent = ?
  UNION ALL SELECT name.id FROM down JOIN name ON name.parent = down.id
)
SELECT id FROM down

-- name: lock_names
SELECT id, parent, turn FROM name WHERE id = ANY(?::bigint[]) ORDER BY id FOR NO KEY UPDATE

-- name: try_names
SELECT id, parent, turn FROM name WHERE id = ANY(?::bigint[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED

-- name: add_part
INSERT INTO name (id, kind, system, value, main, known, parent) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: join_names
UPDATE name SET parent = j.root FROM unnest(?::bigint[], ?::bigint[]) AS j (part, root) WHERE name.id = j.part

-- name: next_turn
UPDATE name SET turn = turn + 1 WHERE id = ANY(?::bigint[])

-- name: turn_of
WITH RECURSIVE up AS (
  SELECT id, parent, turn FROM name WHERE id = ?
  UNION ALL SELECT name.id, name.parent, name.turn FROM up JOIN name ON name.id = up.parent
)
SELECT id, turn FROM up WHERE parent IS NULL

-- name: edges_of
SELECT low, high, same FROM edge WHERE low = ANY(?::bigint[]) OR high = ANY(?::bigint[]) ORDER BY same

-- name: mentions_of
SELECT name, position FROM mention WHERE name = ANY(?::bigint[])

-- name: infos_of
SELECT id, kind, system, value, main, known FROM name WHERE id = ANY(?::bigint[])

-- name: journeys_at
SELECT root, id FROM journey WHERE root = ANY(?::bigint[])

-- name: stored_inbox
SELECT inbox.id, inbox.partner, inbox.channel, inbox.format, inbox.source_id, inbox.hint, body.period, body.sealed
FROM inbox JOIN body ON body.id = inbox.body WHERE inbox.outcome = 'received' ORDER BY inbox.id LIMIT ?
FOR UPDATE OF inbox SKIP LOCKED
