import { headerOf } from './request-reader.ts';
import { sign, signingKey } from './sign.ts';

/** What a receiver got, in the order in which it came; the columns belong together by index. */
export interface Receipts {
  readonly ids: readonly string[];
  /** The row's `id` and its `version` after the change. */
  readonly rows: readonly number[];
  readonly versions: readonly number[];
  /** The database's number of the transaction. */
  readonly transactions: readonly string[];
}

/** A row as the table has it at the end: each of its versions was one change. */
export interface TrueRow {
  readonly id: string;
  readonly version: number;
  /** The transaction that wrote this version. */
  readonly transaction: string;
}

interface Body {
  readonly id: string;
  readonly data: {
    readonly after: { readonly id: number | string; readonly version: number };
    readonly transaction: {
      readonly id: string;
      readonly position: string;
      readonly index: number;
    };
  };
}

/**
 * Reads webhooks as they came over the wire.
 * @throws Error for a signature that is not right, or an id that is not that of its change.
 */
export function readReceipts(requests: readonly Buffer[], secret: string): Receipts {
  const key = signingKey(secret);
  const receipts = {
    ids: [] as string[],
    rows: [] as number[],
    versions: [] as number[],
    transactions: [] as string[],
  };
  for (const request of requests) {
    const bodyAt = request.indexOf('\r\n\r\n') + 4;
    const head = request.toString('latin1', 0, bodyAt);
    const id = headerOf(head, 'webhook-id') ?? '';
    const timestamp = headerOf(head, 'webhook-timestamp') ?? '';
    const body = request.subarray(bodyAt);
    const signatures = (headerOf(head, 'webhook-signature') ?? '').split(' ');
    if (!signatures.includes(sign(key, { id, timestamp, body }))) {
      throw new Error(`the signature of ${id} is not right`);
    }
    const change = JSON.parse(body.toString('utf8')) as Body;
    const { after, transaction } = change.data;
    if (change.id !== id || !id.endsWith(`:${transaction.position}:${transaction.index}`)) {
      throw new Error(`${id} came with the change ${change.id}`);
    }
    receipts.ids.push(id);
    receipts.rows.push(Number(after.id));
    receipts.versions.push(after.version);
    receipts.transactions.push(transaction.id);
  }
  return receipts;
}

/**
 * Compares what was received with the table itself: every version of every row exactly once under an
 * id of its own, and each row's versions in their order.
 * @throws Error that says what differs.
 */
export function checkReceipts(receipts: Receipts, truth: readonly TrueRow[]): void {
  const problems: string[] = [];
  const ids = new Set(receipts.ids);
  if (ids.size !== receipts.ids.length) {
    problems.push(`${receipts.ids.length - ids.size} of ${receipts.ids.length} came again`);
  }
  const last = new Map<number, { readonly version: number; readonly transaction: string }>();
  receipts.rows.forEach((row, index) => {
    const version = receipts.versions[index] ?? Number.NaN;
    const before = last.get(row)?.version ?? 0;
    if (version !== before + 1) problems.push(`row ${row}: version ${version} after ${before}`);
    last.set(row, { version, transaction: receipts.transactions[index] ?? '' });
  });
  let changes = 0;
  for (const { id, version, transaction } of truth) {
    changes += version;
    const got = last.get(Number(id));
    if (got?.version !== version || got.transaction !== transaction) {
      problems.push(`row ${id} is at version ${version}, received was ${got?.version ?? 'none'}`);
    }
  }
  if (last.size > truth.length) problems.push(`${last.size} rows, the table has ${truth.length}`);
  if (ids.size !== changes) problems.push(`${ids.size} ids for ${changes} changes`);
  if (problems.length === 0) return;
  const shown = problems.slice(0, 5).join('; ');
  throw new Error(`not what the table says (${problems.length} problems): ${shown}`);
}
