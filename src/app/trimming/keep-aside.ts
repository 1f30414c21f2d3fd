import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogReader, LogRecord } from '../../log/log.ts';
import type { KeptRecord } from '../../state/kept-record.ts';
import type { State } from '../../state/state.ts';

/** As many as a block of the log has: what is read of it anyway. */
const PAGE_RECORDS = 256;
/** Offsets asked of the state at a time. */
const PAGE_OFFSETS = 1_000;

/**
 * Copies the records below an offset that deliveries still need into the state, so that their
 * segments may go. Nothing may be removed before it is synced (invariants 5 and 11).
 * @param since records that committed earlier are left out; microseconds, null for no limit.
 * @returns how many were copied.
 */
export async function keepAside(
  {
    source,
    log,
    state,
  }: { readonly source: string; readonly log: LogReader; readonly state: State },
  to: number,
  since: number | null,
): Promise<number> {
  let copied = 0;
  for (let from = log.floor; from < to;) {
    const range = { from, to, limit: PAGE_OFFSETS };
    const offsets = await state.neededOffsets(source, range);
    copied += await copy({ source, log, state }, offsets, since);
    from = offsets.length < PAGE_OFFSETS ? to : (offsets.at(-1) ?? to) + 1;
  }
  return copied;
}

async function copy(
  {
    source,
    log,
    state,
  }: { readonly source: string; readonly log: LogReader; readonly state: State },
  offsets: readonly number[],
  since: number | null,
): Promise<number> {
  const needed = new Set(offsets);
  let next = 0;
  let copied = 0;
  for (const offset of offsets) {
    if (offset < next) continue;
    const page = await log.read({ from: offset, limit: PAGE_RECORDS });
    next = page.next;
    const kept = page.records.filter(
      ({ offset: at, transaction: { committedAt } }) =>
        needed.has(at) && (since === null || committedAt >= since),
    );
    await state.keep(source, kept.map(toKept));
    copied += kept.length;
    // Deliveries have their turn: thousands of blocks may have to be read.
    await nextTurn();
  }
  return copied;
}

function toKept({ table, ...rest }: LogRecord): KeptRecord {
  const { offset, operation, key, previousKey, images, transaction } = rest;
  return { offset, tableId: table.id, operation, key, previousKey, images, transaction };
}
