import type { DatabaseSync } from 'node:sqlite';
import type { LostDeliveries, SubscriptionNeeds } from '../kept-record.ts';

/**
 * Deliveries of a source that need a record of its log in a range: what was given up holds nothing,
 * and what is kept aside needs no log.
 */
const NEEDING = `exceptions AS e JOIN subscriptions AS s ON s.name = e.subscription
  WHERE s.source = ? AND e.state <> 'discarded' AND e."offset" >= ? AND e."offset" < ?
    AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.source = s.source
                    AND kept."offset" = e."offset")`;

export interface OffsetRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export function needsOf(database: DatabaseSync, source: string): readonly SubscriptionNeeds[] {
  return database
    .prepare(
      `SELECT name, cursor, (SELECT min(next) FROM replays
                             WHERE subscription = name AND kind = 'range') AS replay
       FROM subscriptions WHERE source = ? ORDER BY name`,
    )
    .all(source)
    .map(({ name, cursor, replay }) => ({
      subscription: String(name),
      cursor: Number(cursor),
      replay: replay === null ? null : Number(replay),
    }));
}

export function neededOffsets(
  database: DatabaseSync,
  source: string,
  { from, to, limit }: OffsetRange & { readonly limit: number },
): readonly number[] {
  return database
    .prepare(`SELECT DISTINCT e."offset" AS at FROM ${NEEDING} ORDER BY at LIMIT ?`)
    .all(source, from, to, limit)
    .map(({ at }) => Number(at));
}

export function countNeeded(
  database: DatabaseSync,
  source: string,
  { from, to }: OffsetRange,
): number {
  const row = database
    .prepare(`SELECT count(DISTINCT e."offset") AS n FROM ${NEEDING}`)
    .get(source, from, to);
  return Number(row?.['n']);
}

export function neededBy(
  database: DatabaseSync,
  source: string,
  { from, to }: OffsetRange,
): readonly string[] {
  return database
    .prepare(`SELECT DISTINCT s.name AS name FROM ${NEEDING} ORDER BY name`)
    .all(source, from, to)
    .map(({ name }) => String(name));
}

/** Adds to `losses`, within the caller's transaction, what is not in it yet. */
export function noteLost(
  database: DatabaseSync,
  source: string,
  floor: number,
): readonly LostDeliveries[] {
  const rows = database
    .prepare(
      `SELECT e.subscription AS subscription, e."offset" AS at FROM ${NEEDING}
         AND NOT EXISTS (SELECT 1 FROM losses WHERE losses.subscription = e.subscription
                         AND from_offset <= e."offset" AND e."offset" < to_offset)
       ORDER BY subscription, at`,
    )
    .all(source, 0, floor);
  const lost = new Map<string, number[]>();
  const insert = database.prepare('INSERT INTO losses VALUES (?, ?, ?, ?)');
  for (const row of rows) {
    const subscription = String(row['subscription']);
    const offset = Number(row['at']);
    insert.run(subscription, offset, offset + 1, Date.now());
    const offsets = lost.get(subscription);
    if (offsets === undefined) lost.set(subscription, [offset]);
    else offsets.push(offset);
  }
  return [...lost].map(([subscription, offsets]) => ({ subscription, offsets }));
}
