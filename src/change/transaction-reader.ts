import type { ChangeTransaction } from './change.ts';
import type { JsonValue } from './dialect.ts';
import { parseLosslessJson } from './lossless-json.ts';
import type { StoredChange, StoredTransaction } from './stored-change.ts';
import { formatMicros } from './time.ts';

/** Reads the transaction part; what all changes of one transaction share is made once. */
export class TransactionReader {
  #last: StoredTransaction | undefined;
  #committedAt = '';
  #context: JsonValue = null;

  /** What the application attached to a transaction. */
  context(transaction: StoredTransaction): JsonValue {
    this.#take(transaction);
    return this.#context;
  }

  read(stored: StoredChange): ChangeTransaction {
    const { transaction, offset } = stored;
    this.#take(transaction);
    return {
      id: transaction.id,
      position: transaction.position,
      index: offset - transaction.first,
      last: offset === transaction.last,
      committedAt: this.#committedAt,
      context: this.#context,
    };
  }

  #take(transaction: StoredTransaction): void {
    if (transaction === this.#last) return;
    this.#last = transaction;
    this.#committedAt = formatMicros(transaction.committedAt);
    this.#context = readContext(transaction.context);
  }
}

/** Frozen, because the changes of a transaction share it. Text that is no JSON (or absurdly deep) stays text. */
function readContext(text: string | null): JsonValue {
  if (text === null) return null;
  try {
    return deepFreeze(parseLosslessJson(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return text;
    throw error;
  }
}

function deepFreeze(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
