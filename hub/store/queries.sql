-- Hot statements by name, straight on the driver. A line `-- name: x` begins the statement `x`.

-- name: add_body
INSERT INTO body (id, partner, period, kind, sealed) VALUES (?, ?, ?, ?, ?)

-- name: get_body
SELECT partner, period, kind, sealed FROM body WHERE id = ?

-- name: drop_body
DELETE FROM body WHERE id = ?

-- name: add_inbox
INSERT INTO inbox (id, received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual, configuration, hint)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: stored_inbox
SELECT inbox.id, inbox.partner, inbox.channel, inbox.format, inbox.source_id, inbox.hint, body.period, body.sealed
FROM inbox JOIN body ON body.id = inbox.body WHERE inbox.outcome = 'received' ORDER BY inbox.id LIMIT ?

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
SELECT id, partner, body FROM inbox WHERE outcome IN ('received', 'held') AND partner IN {texts ?}
AND NOT EXISTS (SELECT 1 FROM inbox twin WHERE twin.partner = inbox.partner AND twin.source_id = inbox.source_id
                AND twin.sameness = inbox.sameness AND twin.outcome IN ('recorded', 'filtered', 'mended', 'dismissed'))
ORDER BY id

-- name: add_event
INSERT INTO log (position, id, type, inbox, event, salt, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: has_event
SELECT position FROM log WHERE id = ?

-- name: known_events
SELECT id FROM log WHERE id IN {texts ?}

-- name: head
SELECT coalesce(max(position), 0) FROM log

-- name: events_at
SELECT position, event FROM log WHERE position IN {integers ?} AND event <> '' ORDER BY position

-- name: events_from
SELECT position, CASE WHEN event = '' OR type = 'ledger.erased' THEN NULL ELSE event END, salt, leaf
FROM log WHERE position > ? ORDER BY position LIMIT ?

-- name: events_of_inbox
SELECT position, event FROM log WHERE inbox = ? AND event <> '' ORDER BY position

-- name: leaves_from
SELECT position, id, event, salt, leaf, type FROM log WHERE position >= ? AND position <= ? ORDER BY position

-- name: add_batch
INSERT INTO batch (number, first, last, root, chain, signature) VALUES (?, ?, ?, ?, ?, ?)

-- name: last_batch
SELECT number, first, last, root, chain, signature FROM batch ORDER BY number DESC LIMIT 1

-- name: find_name
SELECT id, main, known FROM name WHERE kind = ? AND value = ? AND system = ?

-- name: add_name
INSERT INTO name (id, kind, system, value, main, known) VALUES (?, ?, ?, ?, ?, ?)

-- name: mark_name
UPDATE name SET main = CASE WHEN ?1 > main THEN ?1 ELSE main END, known = CASE WHEN ?2 > known THEN ?2 ELSE known END
WHERE id = ?3

-- name: get_name
SELECT kind, system, value, main, known FROM name WHERE id = ?

-- name: names_of_value
SELECT id, kind, system, value FROM name WHERE value = ?

-- name: add_edge
INSERT INTO edge (low, high, same) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: drop_edge
DELETE FROM edge WHERE low = ? AND high = ? AND same = ?

-- name: edges_up
SELECT high, same FROM edge WHERE low = ? ORDER BY same

-- name: edges_above
SELECT low, high, same FROM edge WHERE low IN {integers ?} ORDER BY same

-- name: edges_down
SELECT low, same FROM edge WHERE high = ? ORDER BY same

-- name: add_mention
INSERT INTO mention (name, position) VALUES (?, ?)

-- name: mentions_among
SELECT name, position FROM mention WHERE name IN {integers ?}

-- name: mentions
SELECT position FROM mention WHERE name = ?

-- name: add_link
INSERT INTO link (journey, position, via, since) VALUES (?, ?, ?, ?)

-- name: drop_link
DELETE FROM link WHERE journey = ? AND position = ?

-- name: move_links
UPDATE link SET journey = ?1, since = ?3 WHERE journey = ?2
AND NOT EXISTS (SELECT 1 FROM link other WHERE other.journey = ?1 AND other.position = link.position)

-- name: drop_links
DELETE FROM link WHERE journey = ?

-- name: links_of
SELECT journey, via FROM link WHERE position = ?

-- name: journeys_at_positions
SELECT position, journey FROM link WHERE position IN {integers ?}

-- name: positions_of
SELECT position FROM link WHERE journey = ? ORDER BY position

-- name: unlinked
SELECT log.position, log.event FROM log LEFT JOIN link ON link.position = log.position
WHERE link.position IS NULL AND log.type NOT LIKE 'issue.%' AND log.type <> 'ledger.erased' AND log.event <> ''
ORDER BY log.position DESC LIMIT ?

-- name: journey_of_root
SELECT id FROM journey WHERE root = ?

-- name: add_journey
INSERT INTO journey (id, root) VALUES (?, ?)

-- name: move_journey
UPDATE journey SET root = ? WHERE id = ?

-- name: drop_journey
DELETE FROM journey WHERE id = ?

-- name: add_alias
INSERT INTO alias (journey, now) VALUES (?, ?) ON CONFLICT (journey) DO UPDATE SET now = excluded.now

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

-- name: put_issue
INSERT INTO issue (id, journey, rule, kind, severity, text, settle, facts, opened, closed, times)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (journey, id) DO UPDATE SET severity = excluded.severity, text = excluded.text, settle = excluded.settle,
facts = excluded.facts, closed = excluded.closed, times = excluded.times

-- name: move_issues
UPDATE issue SET journey = ?1 WHERE journey = ?2
AND NOT EXISTS (SELECT 1 FROM issue other WHERE other.journey = ?1 AND other.id = issue.id)

-- name: drop_issues
DELETE FROM issue WHERE journey = ?

-- name: issues_open
SELECT id, journey, rule, kind, severity, text, settle, facts, opened, times FROM issue WHERE closed IS NULL
ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 WHEN 'minor' THEN 2 ELSE 3 END, opened LIMIT ?

-- name: issues_of
SELECT id, journey, rule, kind, severity, text, settle, facts, opened, closed, times FROM issue WHERE journey = ? ORDER BY opened, id

-- name: add_answer
INSERT INTO delivery (partner, journey, position, message, state, due, body) VALUES (?, '', ?, ?, 'waiting', ?, ?)
ON CONFLICT DO NOTHING

-- name: add_delivery
INSERT INTO delivery (partner, journey, position, message, state, due) VALUES (?, ?, ?, ?, 'waiting', ?)
ON CONFLICT (partner, position, message) DO UPDATE SET state = 'waiting', journey = excluded.journey, due = excluded.due
WHERE delivery.state = 'withheld'

-- name: move_deliveries
UPDATE delivery SET journey = ? WHERE journey = ?

-- name: move_delivery
UPDATE delivery SET journey = ? WHERE id = ?

-- name: add_line
INSERT INTO line (partner) VALUES (?) ON CONFLICT DO NOTHING

-- name: get_line
SELECT failures, until FROM line WHERE partner = ?

-- name: set_line
UPDATE line SET failures = ?, until = ? WHERE partner = ?

-- name: hurry_line
UPDATE line SET until = '' WHERE partner = ?

-- name: lines_due
SELECT l.partner FROM line l WHERE l.until <= ?1
AND EXISTS (SELECT 1 FROM delivery d WHERE d.state = 'waiting' AND d.state <> 'done' AND d.partner = l.partner AND d.due <= ?1)
ORDER BY l.partner

-- name: due_deliveries
SELECT d.id, d.partner, d.journey, d.position, d.message, d.attempts, d.body, d.version, d.issue FROM delivery d
WHERE d.state = 'waiting' AND d.state <> 'done' AND d.partner = ?1 AND d.due <= ?2
AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.state = 'waiting' AND e.partner = d.partner
                AND e.journey = d.journey AND e.id < d.id AND e.due > ?2)
ORDER BY d.id LIMIT ?3

-- name: hurry_deliveries
UPDATE delivery SET due = ?1 WHERE issue = ?2 AND issue <> '' AND state = 'waiting' AND due > ?1

-- name: render_delivery
UPDATE delivery SET body = ?, account = ? WHERE id = ?

-- name: settle_delivery
UPDATE delivery SET state = ?1, attempts = ?2, due = ?3, note = ?4, issue = ?5 WHERE id = ?6 AND (state = 'waiting' OR ?1 = 'done')

-- name: mark_delivery
UPDATE delivery SET state = ?, note = ?, issue = ? WHERE id = ?

-- name: retry_delivery
UPDATE delivery SET state = 'waiting', due = ?, note = '', issue = '' WHERE id = ?

-- name: renew_delivery
UPDATE delivery SET body = NULL, account = '{}', version = version + 1 WHERE id = ?

-- name: told_without_link
SELECT d.id, d.partner, d.position FROM delivery d WHERE d.journey = ? AND d.state = 'done'
AND NOT EXISTS (SELECT 1 FROM link k WHERE k.journey = d.journey AND k.position = d.position) ORDER BY d.id

-- name: has_link
SELECT 1 FROM link WHERE journey = ? AND position = ?

-- name: get_delivery
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account, issue FROM delivery WHERE id = ?

-- name: deliveries
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account, issue FROM delivery ORDER BY id DESC LIMIT ?

-- name: deliveries_of
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account, issue FROM delivery
WHERE partner = ? ORDER BY id DESC LIMIT ?

-- name: deliveries_done
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account, issue FROM delivery
WHERE state = 'done' ORDER BY id DESC LIMIT ?

-- name: deliveries_done_of
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account, issue FROM delivery
WHERE state = 'done' AND partner = ? ORDER BY id DESC LIMIT ?

-- name: deliveries_in
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account, issue FROM delivery
WHERE id IN (SELECT id FROM delivery WHERE state = ? AND state <> 'done' ORDER BY id DESC LIMIT ?) ORDER BY id DESC

-- name: deliveries_in_of
SELECT id, partner, journey, position, message, state, attempts, due, body, note, account, issue FROM delivery
WHERE state = ? AND state <> 'done' AND partner = ? ORDER BY id DESC LIMIT ?

-- name: first_in
SELECT id FROM delivery WHERE state = ?1 AND state <> 'done' AND partner = ?2 AND id > ?3 ORDER BY id LIMIT ?4

-- name: bears_issue
SELECT 1 FROM delivery WHERE issue = ? AND issue <> '' LIMIT 1

-- name: delivery_issue
SELECT closed, times FROM issue WHERE journey = '' AND id = ?

-- name: delivery_issues_open
SELECT severity, text, times, opened FROM issue WHERE journey = '' AND closed IS NULL ORDER BY opened LIMIT ?

-- name: count_delivery_issue
INSERT INTO issue (id, journey, rule, kind, severity, text, settle, facts, opened) VALUES (?, '', ?, ?, ?, ?, ?, '[]', ?)
ON CONFLICT (journey, id) DO UPDATE SET times = issue.times + 1, text = excluded.text, settle = excluded.settle,
opened = CASE WHEN issue.closed IS NULL THEN issue.opened ELSE excluded.opened END, closed = NULL

-- name: close_delivery_issue
UPDATE issue SET closed = ? WHERE journey = '' AND id = ? AND closed IS NULL

-- name: delivery_counts
SELECT partner, state, count(*) FROM delivery GROUP BY partner, state

-- name: add_audit
INSERT INTO audit (at, actor, act, about, detail) VALUES (?, ?, ?, ?, ?)

-- name: audits
SELECT id, at, actor, act, about, detail FROM audit ORDER BY id DESC LIMIT ?

-- name: find_person
SELECT key FROM person WHERE token = ?

-- name: add_person
INSERT INTO person (token, region, key) VALUES (?, ?, ?)

-- name: add_identity
-- What was told before is told again: it counts from now on where something else was told in between.
INSERT INTO identity (token, partner, digest, since, sealed) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (token, partner, digest) DO UPDATE SET since = excluded.since
WHERE identity.since < excluded.since AND EXISTS (SELECT 1 FROM identity AS other
  WHERE other.token = excluded.token AND other.partner = excluded.partner AND other.since > identity.since)

-- name: identities
SELECT partner, since, sealed FROM identity WHERE token = ? ORDER BY since, digest

-- name: forget_person
DELETE FROM person WHERE token = ?

-- name: add_blind
INSERT INTO blind (entry, token) VALUES (?, ?) ON CONFLICT DO NOTHING

-- name: find_blind
SELECT token FROM blind WHERE entry = ?

-- name: add_sealed
INSERT INTO sealed (token, partner, period, kind, sealed) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (token) DO UPDATE SET partner = excluded.partner, period = excluded.period, sealed = excluded.sealed
WHERE sealed.period < excluded.period

-- name: get_sealed
SELECT partner, period, kind, sealed FROM sealed WHERE token = ?

-- name: add_record
INSERT INTO record (kind, id, version, position, body) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, id, version) DO UPDATE SET position = excluded.position, body = excluded.body

-- name: last_record
SELECT version, position, body FROM record WHERE kind = ? AND id = ? ORDER BY version DESC LIMIT 1

-- name: record_version
SELECT version, position, body FROM record WHERE kind = ? AND id = ? AND version = ?

-- name: record_history
SELECT version, position, body FROM record WHERE kind = ? AND id = ? ORDER BY version DESC

-- name: add_record_name
INSERT INTO record_name (kind, value, system, id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: find_record
SELECT id FROM record_name WHERE kind = ? AND value = ? AND system = ?

-- name: find_record_value
SELECT DISTINCT id FROM record_name WHERE kind = ? AND value = ?

-- name: add_record_journey
INSERT INTO record_journey (journey, kind, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: drop_record_journeys
DELETE FROM record_journey WHERE kind = ? AND id = ?

-- name: drop_record_name
DELETE FROM record_name WHERE kind = ? AND value = ? AND system = ? AND id = ?

-- name: journeys_of_record
SELECT journey FROM record_journey WHERE kind = ? AND id = ?

-- name: records_of_journey
SELECT kind, id FROM record_journey WHERE journey = ?

-- name: set_reached
INSERT INTO reached (one, position) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET position = excluded.position

-- name: get_reached
SELECT position FROM reached

-- name: put_shown
INSERT INTO shown (partner, kind, id, version, residual) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (partner, kind, id) DO UPDATE SET version = excluded.version, residual = excluded.residual

-- name: get_shown
SELECT version, residual FROM shown WHERE partner = ? AND kind = ? AND id = ?

-- name: put_setting
INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: get_setting
SELECT value FROM setting WHERE name = ?

-- Held messages, mending and replay.

-- name: message
SELECT id, received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual, repeats,
mended, reason, configuration
FROM inbox WHERE id = ?

-- name: messages
SELECT id, received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual, repeats,
mended, reason, configuration
FROM inbox WHERE id < ?1 AND (?2 = '' OR outcome = ?2) AND (?3 = '' OR partner = ?3) ORDER BY id DESC LIMIT ?4

-- name: messages_kept
SELECT id, received, partner, channel, format, type, source_id, sameness, digest, size, outcome, parts, account, body, residual, repeats,
mended, reason, configuration
FROM inbox WHERE partner = ?1 AND id < ?2 AND body IS NOT NULL AND outcome IN ('recorded', 'held', 'rejected', 'filtered')
ORDER BY id DESC LIMIT ?3

-- name: mended_from
SELECT id, outcome, parts, account FROM inbox WHERE mended = ? ORDER BY id DESC LIMIT 1

-- name: events_of_message
WITH RECURSIVE kin (id) AS (
  SELECT twin.id FROM inbox one JOIN inbox twin
  ON twin.partner = one.partner AND twin.source_id = one.source_id AND twin.sameness = one.sameness WHERE one.id = ?
  UNION
  SELECT twin.id FROM kin JOIN inbox one ON one.id = kin.id JOIN inbox old ON old.id = one.mended JOIN inbox twin
  ON twin.partner = old.partner AND twin.source_id = old.source_id AND twin.sameness = old.sameness
)
SELECT position, event FROM log WHERE inbox IN (SELECT id FROM kin) AND event <> '' ORDER BY position

-- name: read_again
UPDATE inbox SET type = ?, source_id = ?, outcome = ?, parts = ?, account = ?, residual = ?, configuration = ? WHERE id = ?

-- name: mark_mended
UPDATE inbox SET mended = ?, reason = ? WHERE id = ?

-- name: settle_twins
UPDATE inbox SET outcome = ?1, reason = ?2 WHERE partner = ?3 AND source_id = ?4 AND sameness = ?5 AND outcome IN ('held', 'rejected')

-- name: choose_messages
SELECT id, partner, parts, configuration FROM inbox
WHERE id > ?1 AND id <= ?2 AND (?3 = '' OR partner = ?3) AND (?4 = '' OR type = ?4) AND (?5 = '' OR received >= ?5)
AND (?6 = '' OR received < ?6) AND (outcome = ?7 OR (?7 = '' AND outcome IN ('recorded', 'held', 'rejected')))
ORDER BY id LIMIT ?8

-- name: last_inbox
SELECT coalesce(max(id), 0) FROM inbox

-- name: add_replay
INSERT INTO replay (id, at, actor, cause, reason, chosen, state, upto) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: last_replay
SELECT coalesce(max(id), 0) FROM replay

-- name: get_replay
SELECT id, at, actor, cause, reason, chosen, state, upto, looked, ended FROM replay WHERE id = ?

-- name: replays
SELECT id, at, actor, cause, reason, chosen, state, upto, looked, ended FROM replay WHERE id < ? ORDER BY id DESC LIMIT ?

-- name: next_replay
SELECT id, at, actor, cause, reason, chosen, state, upto, looked, ended FROM replay WHERE state IN ('choosing', 'running') ORDER BY id LIMIT 1

-- name: choose_replay
UPDATE replay SET looked = ?, state = ? WHERE id = ? AND state = 'choosing'

-- name: end_replay
UPDATE replay SET state = ?, ended = ? WHERE id = ? AND state IN ('choosing', 'running')

-- name: add_replayed
INSERT INTO replayed (replay, inbox) VALUES (?, ?) ON CONFLICT DO NOTHING

-- name: replay_waiting
SELECT inbox FROM replayed WHERE replay = ? AND outcome = '' ORDER BY inbox LIMIT ?

-- name: settle_replayed
UPDATE replayed SET was = ?, outcome = ?, added = ?, note = ? WHERE replay = ? AND inbox = ?

-- name: replay_table
SELECT was, outcome, note, count(*), sum(added) FROM replayed WHERE replay = ? GROUP BY was, outcome, note ORDER BY was, outcome, note

-- name: replayed_in
SELECT inbox, was, outcome, added, note FROM replayed WHERE replay = ? AND inbox > ? ORDER BY inbox LIMIT ?

-- name: replays_of
SELECT r.replay, p.at, p.cause, p.reason, r.was, r.outcome, r.added, r.note FROM replayed r JOIN replay p ON p.id = r.replay
WHERE r.inbox = ? ORDER BY r.replay

-- name: audits_about
SELECT at, actor, act, detail FROM audit WHERE about = ? ORDER BY id

-- Keeping and forgetting: what is past its retention, and what a person leaves behind.

-- name: bodies_past
SELECT id, length(sealed) FROM body WHERE kind = ?1 AND period < ?2 AND (?3 = '' OR partner = ?3)
AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.body = body.id AND inbox.outcome IN ('received', 'held'))
AND NOT EXISTS (SELECT 1 FROM delivery
  WHERE delivery.body = body.id AND delivery.state NOT IN ('done', 'withheld', 'dismissed')) LIMIT ?4

-- name: bodies_past_counts
SELECT partner, period, count(*), sum(length(sealed)) FROM body
WHERE kind = ?1 AND period < ?2 AND (?3 = '' OR partner = ?3)
AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.body = body.id AND inbox.outcome IN ('received', 'held'))
AND NOT EXISTS (SELECT 1 FROM delivery
  WHERE delivery.body = body.id AND delivery.state NOT IN ('done', 'withheld', 'dismissed'))
GROUP BY partner, period ORDER BY period, partner

-- name: bodies_needed
SELECT count(*) FROM body WHERE kind = ?1 AND period < ?2 AND (?3 = '' OR partner = ?3)
AND (EXISTS (SELECT 1 FROM inbox WHERE inbox.body = body.id AND inbox.outcome IN ('received', 'held'))
OR EXISTS (SELECT 1 FROM delivery
  WHERE delivery.body = body.id AND delivery.state NOT IN ('done', 'withheld', 'dismissed')))

-- name: drop_bodies
DELETE FROM body WHERE id IN {integers ?}

-- name: forget_shown
DELETE FROM shown WHERE residual IN {integers ?}

-- name: sealed_past
SELECT token FROM sealed WHERE kind = 'text' AND period < ?1 AND (?2 = '' OR partner = ?2) LIMIT ?3

-- name: sealed_past_counts
SELECT partner, period, count(*), sum(length(sealed)) FROM sealed
WHERE kind = 'text' AND period < ?1 AND (?2 = '' OR partner = ?2) GROUP BY partner, period ORDER BY period, partner

-- name: drop_sealed
DELETE FROM sealed WHERE token IN {texts ?}

-- name: audits_after
SELECT id, at, act FROM audit WHERE id > ? ORDER BY id LIMIT ?

-- name: audit_past_counts
SELECT substr(at, 1, 7), count(*) FROM audit WHERE at < ?1 AND act NOT IN {texts ?2}
GROUP BY substr(at, 1, 7) ORDER BY substr(at, 1, 7)

-- name: drop_audits
DELETE FROM audit WHERE id IN {integers ?}

-- name: blind_of
SELECT entry FROM blind WHERE token = ? AND entry LIKE 'id:%'

-- name: inbox_of_facts
SELECT id, outcome, body, residual FROM inbox
WHERE id IN (SELECT log.inbox FROM log WHERE log.position IN {integers ?}) ORDER BY id

-- name: told_of_facts
SELECT id, partner, state, body FROM delivery
WHERE journey IN (SELECT link.journey FROM link WHERE link.position IN {integers ?}) ORDER BY id

-- name: shown_of
SELECT residual FROM shown WHERE kind = ? AND id = ?

-- name: forget_shown_of
DELETE FROM shown WHERE kind = ? AND id = ?

-- name: unread_bodies
SELECT body.partner, body.period, body.sealed FROM inbox JOIN body ON body.id = inbox.body
WHERE inbox.outcome IN ('received', 'held')

-- The ledger: proofs, exports, erasure.

-- name: batches_after
SELECT number, first, last, root, chain, signature FROM batch WHERE number > ? ORDER BY number LIMIT ?

-- name: batch_at
SELECT number, first, last, root, chain, signature FROM batch WHERE number = ?

-- name: count_outside
SELECT count(*) FROM log WHERE position < 1 OR position > (SELECT coalesce(max(last), 0) FROM batch)

-- name: leaves_at
SELECT position, id, event, salt, leaf, type FROM log WHERE position IN {integers ?} ORDER BY position

-- name: leaves_between
SELECT leaf FROM log WHERE position >= ? AND position <= ? ORDER BY position

-- name: counted_links
SELECT position, since FROM link WHERE journey = ? AND position <= ? AND since <= ? ORDER BY position

-- name: told_erasures
SELECT told FROM erased WHERE position IN {integers ?} ORDER BY told

-- name: add_erased
INSERT INTO erased (position, told) VALUES (?, ?)

-- name: erase_event
UPDATE log SET event = '', salt = NULL WHERE position = ? AND salt IS NOT NULL

-- name: event_at
SELECT id, event, salt, leaf, type FROM log WHERE position = ?

-- name: standing_event
SELECT position FROM log WHERE id = ? AND salt IS NOT NULL

-- name: withhold_erased
UPDATE delivery SET body = NULL, state = CASE WHEN state = 'waiting' THEN 'withheld' ELSE state END, note = 'its fact was erased'
WHERE position = ? AND state NOT IN ('done', 'dismissed')

-- name: drop_record_versions
DELETE FROM record WHERE kind = ? AND id = ? AND version < ?

-- name: drop_record_names
DELETE FROM record_name WHERE kind = ? AND id = ?

-- name: mentioned_at
SELECT name FROM mention WHERE position = ?

-- name: erased_of
SELECT count(*) FROM link JOIN erased ON erased.position = link.position WHERE link.journey = ?

-- The read model: facts whose orders changed after they were recorded.

-- name: tell_moved
INSERT INTO moved (since, position) VALUES (?, ?) ON CONFLICT DO NOTHING

-- name: tell_unlinked
INSERT INTO moved (since, position) SELECT CAST(?1 AS BIGINT), link.position FROM link WHERE link.journey = ?2 ON CONFLICT DO NOTHING

-- name: relinked_since
SELECT log.event FROM log WHERE log.position <= ?1 AND log.position IN (
  SELECT link.position FROM link WHERE link.since <> link.position AND link.since > ?1 AND link.since <= ?2
  UNION SELECT moved.position FROM moved WHERE moved.since > ?1 AND moved.since <= ?2)

-- Search, and an order's trail: by key, the newest first.

-- name: positions_below
SELECT position FROM log WHERE position < ?1 ORDER BY position DESC LIMIT ?2

-- name: positions_of_name
SELECT position FROM mention WHERE name = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3

-- name: positions_among_name
SELECT DISTINCT position FROM mention WHERE name IN {integers ?1} AND position IN {integers ?2}

-- name: positions_of_journey
SELECT position FROM link WHERE journey = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3

-- name: positions_among_journey
SELECT DISTINCT position FROM link WHERE journey IN {texts ?1} AND position IN {integers ?2}

-- name: positions_of_source
SELECT log.position FROM inbox JOIN log ON log.inbox = inbox.id WHERE inbox.source_id = ?1 AND log.position < ?2
ORDER BY log.position DESC LIMIT ?3

-- name: positions_among_source
SELECT log.position FROM log JOIN inbox ON inbox.id = log.inbox WHERE inbox.source_id = ?1 AND log.position IN {integers ?2}

-- name: positions_of_type
SELECT position FROM log WHERE type = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3

-- name: positions_among_type
SELECT position FROM log WHERE type = ?1 AND position IN {integers ?2}

-- name: positions_of_messages
SELECT position, inbox FROM log WHERE inbox IN {integers ?} ORDER BY position DESC

-- name: facts_at
SELECT position, inbox, event FROM log WHERE position IN {integers ?} AND event <> '' AND type <> 'ledger.erased'
ORDER BY position DESC

-- name: facts_from
SELECT event FROM log WHERE position >= ?1 AND position < ?2 AND event <> '' AND type <> 'ledger.erased'
ORDER BY position LIMIT 1

-- name: facts_above
SELECT inbox, position FROM log WHERE inbox IN {integers ?1} AND position >= ?2

-- name: messages_of_facts
SELECT inbox, max(position) FROM log WHERE position IN {integers ?} AND inbox IS NOT NULL GROUP BY inbox

-- name: journeys_of_source
SELECT DISTINCT link.journey FROM inbox JOIN log ON log.inbox = inbox.id JOIN link ON link.position = log.position
WHERE inbox.source_id = ?

-- name: found_messages
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE id IN {integers ?}

-- name: messages_of_source
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE source_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3

-- name: messages_of_kind
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE partner = ?1 AND type = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4

-- name: messages_of_partner
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE partner = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3

-- name: messages_of_type
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE type = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3

-- name: messages_of_outcome
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE outcome = ?1 AND outcome <> 'recorded' AND id < ?2 ORDER BY id DESC LIMIT ?3

-- name: messages_below
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE id < ?1 ORDER BY id DESC LIMIT ?2

-- name: messages_between
SELECT id, received, partner, channel, format, type, source_id, size, outcome, parts, repeats FROM inbox
WHERE (received, id) < (?1, ?2) AND received >= ?4 ORDER BY received DESC, id DESC LIMIT ?3

-- name: deliveries_at
SELECT id, partner, journey, position, message, state, attempts, due, note FROM delivery
WHERE position IN {integers ?} ORDER BY position DESC, id DESC

-- name: positions_of_deliveries
SELECT DISTINCT position FROM delivery WHERE position < ?1 ORDER BY position DESC LIMIT ?2

-- name: deliveries_of_journey
SELECT id, partner, journey, position, message, state, attempts, due, note FROM delivery
WHERE journey = ? ORDER BY position, id

-- name: deliveries_of_partner
SELECT id, partner, journey, position, message, state, attempts, due, note FROM delivery
WHERE partner = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3

-- name: deliveries_of_state
SELECT id, partner, journey, position, message, state, attempts, due, note FROM delivery
WHERE state = ?1 AND state <> 'done' AND id < ?2 ORDER BY id DESC LIMIT ?3

-- name: deliveries_below
SELECT id, partner, journey, position, message, state, attempts, due, note FROM delivery
WHERE id < ?1 ORDER BY id DESC LIMIT ?2

-- name: issues_below
SELECT id, journey, rule, kind, severity, text, settle, facts, opened, closed, times FROM issue
WHERE (opened, journey, id) < (?1, ?2, ?3) ORDER BY opened DESC, journey DESC, id DESC LIMIT ?4

-- name: issues_of_journeys
SELECT id, journey, rule, kind, severity, text, settle, facts, opened, closed, times FROM issue
WHERE (opened, journey, id) < (?1, ?2, ?3) AND journey IN {texts ?5} ORDER BY opened DESC, journey DESC, id DESC LIMIT ?4

-- name: issues_of_rule
SELECT id, journey, rule, kind, severity, text, settle, facts, opened, closed, times FROM issue
WHERE (opened, journey, id) < (?1, ?2, ?3) AND rule = ?5 ORDER BY opened DESC, journey DESC, id DESC LIMIT ?4

-- name: journeys_after
SELECT id FROM journey WHERE id > ? ORDER BY id LIMIT ?

-- name: called_before
SELECT journey FROM alias WHERE now = ?

-- name: audits_of
SELECT id, at, actor, act, about, detail FROM audit WHERE about IN {texts ?} ORDER BY id
