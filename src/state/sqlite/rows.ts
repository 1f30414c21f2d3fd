import type { SQLOutputValue } from 'node:sqlite';
import type {
  ExceptionState,
  StoredError,
  StoredException,
  StoredReplay,
  StoredSubscription,
} from '../state.ts';

type DatabaseRow = Record<string, SQLOutputValue>;

/** The columns behind {@link readException}, in the order in which they are inserted. */
export const EXCEPTION_COLUMNS = `"offset", table_id, "table", "key", previous_key, state, attempts,
  next_attempt_at, error_code, error_message, error_status, error_excerpt, failed_at,
  discard_reason, discarded_at`;

export function readSubscription(row: DatabaseRow): StoredSubscription {
  const reason = textOrNull(row['paused_reason']);
  return {
    name: String(row['name']),
    source: String(row['source']),
    cursor: Number(row['cursor']),
    paused: reason === null ? null : { reason, since: Number(row['paused_since']) },
    createdAt: Number(row['created_at']),
    definition: textOrNull(row['definition']),
    restsUntil: numberOrNull(row['rests_until']),
  };
}

export function readException(row: DatabaseRow): StoredException {
  const reason = textOrNull(row['discard_reason']);
  const at = Number(row['discarded_at']);
  return {
    offset: Number(row['offset']),
    tableId: Number(row['table_id']),
    table: String(row['table']),
    key: textOrNull(row['key']),
    previousKey: textOrNull(row['previous_key']),
    state: String(row['state']) as ExceptionState,
    attempts: Number(row['attempts']),
    nextAttemptAt: numberOrNull(row['next_attempt_at']),
    error: readError(row),
    failedAt: numberOrNull(row['failed_at']),
    ...(reason === null ? {} : { discarded: { reason, at } }),
  };
}

export function readReplay(row: DatabaseRow): StoredReplay {
  return {
    id: Number(row['id']),
    kind: String(row['kind']) as StoredReplay['kind'],
    next: Number(row['next']),
    to: Number(row['to_offset']),
  };
}

function readError(row: DatabaseRow): StoredError | null {
  const code = textOrNull(row['error_code']);
  if (code === null) return null;
  const message = String(row['error_message']);
  const status = numberOrNull(row['error_status']);
  const excerpt = textOrNull(row['error_excerpt']);
  if (status !== null) return { code, message, answer: { status, excerpt: excerpt ?? '' } };
  // Without an answer the column has the stack.
  return { code, message, ...(excerpt === null ? {} : { stack: excerpt }) };
}

function textOrNull(value: SQLOutputValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOrNull(value: SQLOutputValue | undefined): number | null {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}
