import { TidingsError } from '../../errors/tidings-error.ts';
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
    }
  | { readonly record: LogRecord };

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

/** @throws TidingsError `SHOW_UNKNOWN` */
export async function locate(log: SearchableLog, source: string, target: Target): Promise<Located> {
  if ('number' in target) {
    const [transaction, ...older] = await log.transactionsById(target.number);
    if (transaction !== undefined) return { transaction, older };
    const offset = Number(target.number);
    const what = `transaction or offset ${target.number}`;
    return { record: await findOffset(log, source, offset, what) };
  }
  if ('offset' in target) {
    const what = `offset ${target.offset}`;
    return { record: await findOffset(log, source, target.offset, what) };
  }
  const { position, index } = target;
  const transaction = await transactionAt(log, position);
  const id = [source, position, ...(index === null ? [] : [index])].join(':');
  if (transaction === null)
    throw unknown(log, source, index === null ? `transaction ${id}` : `change ${id}`);
  if (index === null) return { transaction, older: [] };
  const offset = transaction.first + index;
  if (offset > transaction.last) throw unknown(log, source, `change ${id}`);
  return { record: await findOffset(log, source, offset, `change ${id}`) };
}

async function findOffset(
  log: SearchableLog,
  source: string,
  offset: number,
  what: string,
): Promise<LogRecord> {
  if (!Number.isSafeInteger(offset) || offset < log.floor || offset >= log.head) {
    throw unknown(log, source, what);
  }
  return recordAt(log, offset);
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

function unknown(log: SearchableLog, source: string, what: string): TidingsError {
  return new TidingsError('SHOW_UNKNOWN', { source, what, floor: log.floor, head: log.head });
}
