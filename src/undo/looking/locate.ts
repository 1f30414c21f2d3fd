import { TidingsError } from '../../errors/tidings-error.ts';
import { notesAside, readRecordAt, type RecordPlaces } from '../../log/kept-aside.ts';
import type { LoggedTransaction, LogRecord } from '../../log/log.ts';
import { recordAt, type SearchableLog } from './searchable-log.ts';

/** What `tidings show` is asked to show, as far as the words alone tell. */
export type Target =
  /** Digits alone: a transaction, or else an offset. */
  | { readonly number: string }
  | { readonly offset: number }
  | { readonly position: string; readonly source: string; readonly index: number | null };

/** What was meant. */
export type Located =
  | {
      readonly transaction: LoggedTransaction;
      /** Older transactions with the same number: the database uses numbers again. */
      readonly older: readonly LoggedTransaction[];
      /** The offsets of it that were kept aside; null while the log has all of it. */
      readonly kept: readonly number[] | null;
    }
  | { readonly record: LogRecord };

/** A log that can be looked through, with what was kept aside of it. */
export interface LocatePlaces extends RecordPlaces {
  readonly log: SearchableLog;
}

/**
 * Reads a transaction (`7712`), a change id (`main:00000000016B3748:0`), a transaction by its
 * position (`main:00000000016B3748`) or an offset (`1204`, `@1204`).
 * @throws TidingsError `SHOW_INVALID`
 */
export function parseTarget(text: string): Target {
  if (/^\d+$/.test(text)) return { number: text };
  const offset = /^@(\d+)$/.exec(text)?.[1];
  if (offset !== undefined && Number.isSafeInteger(Number(offset)))
    return { offset: Number(offset) };
  const match = /^([^:]+):([^:]+)(?::(\d+))?$/.exec(text);
  if (match === null) throw new TidingsError('SHOW_INVALID', { text });
  const [, source = '', position = '', index] = match;
  return { source, position, index: index === undefined ? null : Number(index) };
}

/**
 * Looks for what was meant in the log, then in what was kept aside of it.
 * @throws TidingsError `SHOW_UNKNOWN`
 */
export async function locate(places: LocatePlaces, target: Target): Promise<Located> {
  const { log } = places;
  if ('number' in target) {
    const [transaction, ...older] = await log.transactionsById(target.number);
    if (transaction !== undefined) return { transaction, older, kept: null };
    const aside = await transactionAside(places, ({ id }) => id === target.number);
    if (aside !== null) return aside;
    const offset = Number(target.number);
    const what = `transaction or offset ${target.number}`;
    return { record: await findOffset(places, offset, what) };
  }
  if ('offset' in target) {
    return { record: await findOffset(places, target.offset, `offset ${target.offset}`) };
  }
  return await locatePosition(places, target);
}

async function locatePosition(
  places: LocatePlaces,
  { position, index }: Extract<Target, { readonly position: string }>,
): Promise<Located> {
  const { source, log } = places;
  const transaction = await transactionAt(log, position);
  const found: Located | null =
    transaction === null
      ? await transactionAside(places, (each) => each.position === position)
      : { transaction, older: [], kept: null };
  const what = index === null ? 'transaction' : 'change';
  const id = [source, position, ...(index === null ? [] : [index])].join(':');
  if (found === null || !('transaction' in found)) throw unknown(places, `${what} ${id}`);
  if (index === null) return found;
  const offset = found.transaction.first + index;
  if (offset > found.transaction.last) throw unknown(places, `change ${id}`);
  return { record: await findOffset(places, offset, `change ${id}`) };
}

async function findOffset(places: LocatePlaces, offset: number, what: string): Promise<LogRecord> {
  const { log } = places;
  const isKnown = Number.isSafeInteger(offset) && offset < log.head;
  const record = isKnown ? await readRecordAt(places, offset) : null;
  if (record === null) throw unknown(places, what);
  return record;
}

/** The newest transaction of which records were kept aside, when it is the one that is meant. */
async function transactionAside(
  places: LocatePlaces,
  isMeant: (transaction: LoggedTransaction) => boolean,
): Promise<Extract<Located, { readonly transaction: LoggedTransaction }> | null> {
  let found: LoggedTransaction | null = null;
  const kept: number[] = [];
  for await (const { offset, transaction } of notesAside(places)) {
    if (!isMeant(transaction)) continue;
    if (found?.first !== transaction.first) kept.length = 0;
    found = transaction;
    kept.push(offset);
  }
  return found === null ? null : { transaction: found, older: [], kept };
}

/** Positions grow with offsets, so the transaction with this one is found by halves. */
async function transactionAt(
  log: SearchableLog,
  position: string,
): Promise<LoggedTransaction | null> {
  let low = log.floor;
  let high = log.head;
  while (low < high) {
    const { transaction } = await recordAt(log, Math.floor((low + high) / 2));
    if (transaction.position === position) return transaction;
    if (transaction.position < position) low = transaction.last + 1;
    else high = transaction.first;
  }
  return null;
}

function unknown({ source, log }: RecordPlaces, what: string): TidingsError {
  return new TidingsError('SHOW_UNKNOWN', { source, what, floor: log.floor, head: log.head });
}
