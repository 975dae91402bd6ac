-- Hot statements by name, straight on the driver. A line `-- name: x` begins the statement `x`.

-- name: add_body
INSERT INTO body (partner, period, kind, sealed) VALUES (?, ?, ?, ?)

-- name: get_body
SELECT partner, period, kind, sealed FROM body WHERE id = ?

-- name: drop_body
DELETE FROM body WHERE id = ?

-- name: add_inbox
INSERT INTO inbox (received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: settle_inbox
UPDATE inbox SET type = ?, source_id = ?, outcome = ?, parts = ?, account = ?, body = ?, residual = ? WHERE id = ?

-- name: replay_inbox
UPDATE inbox SET type = ?, outcome = ?, parts = ?, account = ? WHERE id = ?

-- name: same_inbox
SELECT id, outcome, parts, account FROM inbox WHERE partner = ? AND source_id = ? AND sameness = ? ORDER BY id DESC LIMIT 1

-- name: other_inbox
SELECT id FROM inbox WHERE partner = ? AND source_id = ? AND sameness <> ? AND outcome = 'recorded' LIMIT 1

-- name: repeat_inbox
UPDATE inbox SET repeats = repeats + 1 WHERE id = ?

-- name: get_inbox
SELECT id, received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual, repeats
FROM inbox WHERE id = ?

-- name: inbox_in
SELECT id, received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual, repeats
FROM inbox WHERE outcome = ? ORDER BY id LIMIT ?

-- name: inbox_last
SELECT id, received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual, repeats
FROM inbox ORDER BY id DESC LIMIT ?

-- name: inbox_counts
SELECT partner, outcome, count(*), sum(repeats) FROM inbox GROUP BY partner, outcome

-- name: unread_of
SELECT id, partner, body FROM inbox WHERE outcome IN ('received', 'held') AND partner IN (SELECT value FROM json_each(?)) ORDER BY id

-- name: add_event
INSERT INTO log (position, id, type, inbox, event, salt, leaf) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING

-- name: has_event
SELECT position FROM log WHERE id = ?

-- name: head
SELECT coalesce(max(position), 0) FROM log

-- name: events_at
SELECT position, event FROM log WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position

-- name: events_from
SELECT position, event, salt, leaf FROM log WHERE position > ? ORDER BY position LIMIT ?

-- name: events_of_inbox
SELECT position, event FROM log WHERE inbox = ? ORDER BY position

-- name: leaves_from
SELECT position, id, event, salt, leaf, type FROM log WHERE position >= ? AND position <= ? ORDER BY position

-- name: log_range
SELECT coalesce(min(position), 1), coalesce(max(position), 0) FROM log

-- name: add_batch
INSERT INTO batch (number, first, last, root, chain, signature) VALUES (?, ?, ?, ?, ?, ?)

-- name: last_batch
SELECT number, first, last, root, chain, signature FROM batch ORDER BY number DESC LIMIT 1

-- name: batches
SELECT number, first, last, root, chain, signature FROM batch ORDER BY number

-- name: find_name
SELECT id, main, known FROM name WHERE kind = ? AND value = ? AND system = ?

-- name: add_name
INSERT INTO name (kind, system, value, main, known) VALUES (?, ?, ?, ?, ?)

-- name: mark_name
UPDATE name SET main = max(main, ?), known = max(known, ?) WHERE id = ?

-- name: get_name
SELECT kind, system, value, main, known FROM name WHERE id = ?

-- name: names_of_value
SELECT id, kind, system, value FROM name WHERE value = ?

-- name: add_edge
INSERT OR IGNORE INTO edge (low, high, same) VALUES (?, ?, ?)

-- name: drop_edge
DELETE FROM edge WHERE low = ? AND high = ? AND same = ?

-- name: edges_up
SELECT high, same FROM edge WHERE low = ? ORDER BY same

-- name: edges_down
SELECT low, same FROM edge WHERE high = ? ORDER BY same

-- name: add_mention
INSERT OR IGNORE INTO mention (name, position) VALUES (?, ?)

-- name: mentions
SELECT position FROM mention WHERE name = ?

-- name: add_link
INSERT OR IGNORE INTO link (journey, position, via, since) VALUES (?, ?, ?, (SELECT max(position) FROM log))

-- name: drop_link
DELETE FROM link WHERE journey = ? AND position = ?

-- name: move_links
UPDATE OR IGNORE link SET journey = ?, since = (SELECT max(position) FROM log) WHERE journey = ?

-- name: drop_links
DELETE FROM link WHERE journey = ?

-- name: links_since
SELECT log.event, link.journey FROM link JOIN log ON log.position = link.position
WHERE link.since > link.position AND link.since > ?1 AND link.since <= ?2 AND link.position <= ?1

-- name: links_of
SELECT journey, via FROM link WHERE position = ?

-- name: positions_of
SELECT position FROM link WHERE journey = ? ORDER BY position

-- name: unlinked
SELECT log.position, log.event FROM log LEFT JOIN link ON link.position = log.position
WHERE link.position IS NULL AND log.type NOT LIKE 'issue.%' ORDER BY log.position DESC LIMIT ?

-- name: count_unlinked
SELECT count(*) FROM log LEFT JOIN link ON link.position = log.position
WHERE log.position BETWEEN ? AND ? AND link.position IS NULL

-- name: journey_of_root
SELECT id FROM journey WHERE root = ?

-- name: add_journey
INSERT INTO journey (id, root) VALUES (?, ?)

-- name: move_journey
UPDATE journey SET root = ? WHERE id = ?

-- name: drop_journey
DELETE FROM journey WHERE id = ?

-- name: add_alias
INSERT OR REPLACE INTO alias (journey, now) VALUES (?, ?)

-- name: journey_now
SELECT now FROM alias WHERE journey = ?

-- name: journey_root
SELECT root FROM journey WHERE id = ?

-- name: journeys
SELECT id FROM journey ORDER BY id LIMIT ? OFFSET ?

-- name: set_check
UPDATE journey SET next_check = ? WHERE id = ?

-- name: due_checks
SELECT id FROM journey WHERE next_check IS NOT NULL AND next_check <= ? LIMIT ?

-- name: open_issues_of
SELECT id, severity, text, facts FROM issue WHERE journey = ? AND closed IS NULL

-- name: raise_issue
INSERT INTO issue (id, journey, rule, kind, severity, text, settle, facts, opened) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (journey, id) DO UPDATE SET closed = NULL, times = times + 1, severity = excluded.severity,
text = excluded.text, settle = excluded.settle, facts = excluded.facts

-- name: close_issue
UPDATE issue SET closed = ? WHERE id = ? AND journey = ?

-- name: move_issues
UPDATE OR IGNORE issue SET journey = ? WHERE journey = ?

-- name: drop_issues
DELETE FROM issue WHERE journey = ?

-- name: issue_times
SELECT times FROM issue WHERE id = ? AND journey = ?

-- name: issues_open
SELECT id, journey, rule, kind, severity, text, settle, facts, opened, times FROM issue WHERE closed IS NULL
ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 WHEN 'minor' THEN 2 ELSE 3 END, opened LIMIT ?

-- name: issues_of
SELECT id, journey, rule, kind, severity, text, settle, facts, opened, closed, times FROM issue WHERE journey = ? ORDER BY opened, id

-- name: add_delivery
INSERT OR IGNORE INTO delivery (partner, journey, position, message, state, due) VALUES (?, ?, ?, ?, 'waiting', ?)

-- name: move_deliveries
UPDATE delivery SET journey = ? WHERE journey = ?

-- name: due_deliveries
SELECT d.id, d.partner, d.journey, d.position, d.message, d.attempts, d.body FROM delivery d
WHERE d.state = 'waiting' AND d.due <= ?1
  AND d.partner NOT IN (SELECT value FROM json_each(?2))
  AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.state = 'waiting' AND e.partner = d.partner
                  AND e.journey = d.journey AND e.id < d.id)
ORDER BY d.due, d.id LIMIT ?3

-- name: render_delivery
UPDATE delivery SET body = ?, account = ? WHERE id = ?

-- name: settle_delivery
UPDATE delivery SET state = ?, attempts = ?, due = ?, note = ? WHERE id = ?

-- name: deliveries
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account FROM delivery ORDER BY id DESC LIMIT ?

-- name: delivery_counts
SELECT partner, state, count(*) FROM delivery GROUP BY partner, state

-- name: add_audit
INSERT INTO audit (at, actor, act, about, detail) VALUES (?, ?, ?, ?, ?)

-- name: audits
SELECT id, at, actor, act, about, detail FROM audit ORDER BY id DESC LIMIT ?

-- name: find_person
SELECT key FROM person WHERE token = ?

-- name: add_person
INSERT OR IGNORE INTO person (token, region, key) VALUES (?, ?, ?)

-- name: add_identity
INSERT OR IGNORE INTO identity (token, partner, digest, since, sealed) VALUES (?, ?, ?, ?, ?)

-- name: identities
SELECT partner, since, sealed FROM identity WHERE token = ? ORDER BY since, digest

-- name: forget_person
DELETE FROM person WHERE token = ?

-- name: add_blind
INSERT OR IGNORE INTO blind (entry, token) VALUES (?, ?)

-- name: find_blind
SELECT token FROM blind WHERE entry = ?

-- name: add_sealed
INSERT OR IGNORE INTO sealed (token, partner, period, kind, sealed) VALUES (?, ?, ?, ?, ?)

-- name: get_sealed
SELECT partner, period, kind, sealed FROM sealed WHERE token = ?

-- name: add_record
INSERT OR REPLACE INTO record (kind, id, version, position, body) VALUES (?, ?, ?, ?, ?)

-- name: last_record
SELECT version, position, body FROM record WHERE kind = ? AND id = ? ORDER BY version DESC LIMIT 1

-- name: record_version
SELECT version, position, body FROM record WHERE kind = ? AND id = ? AND version = ?

-- name: record_history
SELECT version, position, body FROM record WHERE kind = ? AND id = ? ORDER BY version DESC

-- name: add_record_name
INSERT OR IGNORE INTO record_name (kind, value, system, id) VALUES (?, ?, ?, ?)

-- name: find_record
SELECT id FROM record_name WHERE kind = ? AND value = ? AND system = ?

-- name: find_record_value
SELECT DISTINCT id FROM record_name WHERE kind = ? AND value = ?

-- name: add_record_journey
INSERT OR IGNORE INTO record_journey (journey, kind, id) VALUES (?, ?, ?)

-- name: drop_record_journeys
DELETE FROM record_journey WHERE kind = ? AND id = ?

-- name: drop_record_name
DELETE FROM record_name WHERE kind = ? AND value = ? AND system = ? AND id = ?

-- name: journeys_of_record
SELECT journey FROM record_journey WHERE kind = ? AND id = ?

-- name: records_of_journey
SELECT kind, id FROM record_journey WHERE journey = ?

-- name: set_reached
INSERT OR REPLACE INTO reached (one, position) VALUES (1, ?)

-- name: get_reached
SELECT position FROM reached

-- name: put_shown
INSERT OR REPLACE INTO shown (partner, kind, id, version, residual) VALUES (?, ?, ?, ?, ?)

-- name: get_shown
SELECT version, residual FROM shown WHERE partner = ? AND kind = ? AND id = ?

-- name: put_setting
INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)

-- name: get_setting
SELECT value FROM setting WHERE name = ?
