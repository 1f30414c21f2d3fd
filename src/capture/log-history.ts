import { historyOf, sourcePosition } from '../change/position.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { abandonedBy } from '../log/forks.ts';
import type { LoggedTransaction, LogReader } from '../log/log.ts';
import type { KnownHistory, KnownTransaction, Rewound } from '../source/source-history.ts';

/** Records of a page: those of one transaction are passed over after the first. */
const PAGE = 1_000;

/** What a log has of its source's history; null while it has nothing. */
export function knownHistory(log: LogReader): KnownHistory | null {
  return log.position === null ? null : new LogHistory(log, log.position);
}

/** Says that a source's history went back, and what that means for the log. */
export async function rewoundError(
  source: string,
  log: LogReader,
  { abandoned, to, reason, complete }: Rewound,
): Promise<TidingsError> {
  const { offset, changes } = await findAbandoned(log, abandoned);
  const gone =
    changes === 0
      ? 'every change in the log is still there'
      : `changes in the log that do not exist there any more: ${changes}, from offset ${offset} on`;
  const lost = complete ? '' : '; and what its new history has changed so far cannot be had';
  const from = sourcePosition(log.position ?? '');
  return new TidingsError('SOURCE_REWOUND', { source, from, to, reason, gone: gone + lost });
}

/** How many of the log's changes a rewound source does not have any more, and from which offset on. */
export async function findAbandoned(
  log: LogReader,
  abandoned: string,
): Promise<{ readonly offset: number; readonly changes: number }> {
  const offset = await new LogHistory(log, log.position ?? '').find(abandoned);
  return { offset, changes: log.head - offset };
}

/** Leaves out what was abandoned: the rest grows in the source's own positions. */
class LogHistory implements KnownHistory {
  readonly position: string;
  readonly lineage: string | null;
  readonly #log: LogReader;

  constructor(log: LogReader, position: string) {
    this.#log = log;
    this.position = sourcePosition(position);
    this.lineage = log.lineage;
  }

  async since(position: string): ReturnType<KnownHistory['since']> {
    const { floor, head } = this.#log;
    const start = await this.find(position);
    // Retention has taken what lies below the floor, and with it what to compare with.
    const oldest = start > floor || floor === 0 ? null : await this.#at(floor);
    const gone = floor > 0 && floor === head ? this.position : '';
    const from = oldest === null ? gone : this.#placeOf(oldest);
    const leftOut = await this.#leftOut();
    return { from, leftOut, transactions: this.#transactions(start) };
  }

  /** Where gaps begin, but for those of a history that was abandoned there. */
  async #leftOut(): Promise<ReadonlySet<string>> {
    const forks = this.#log.forks();
    const places = (await this.#log.gaps()).flatMap(({ from }) => {
      if (from === null) return [];
      const place = sourcePosition(from);
      const isAbandoned = forks.some(
        ({ to }) => historyOf(to) > historyOf(from) && sourcePosition(to) <= place,
      );
      return isAbandoned ? [] : [place];
    });
    return new Set(places);
  }

  async newest(limit: number): Promise<readonly KnownTransaction[]> {
    const forks = this.#log.forks();
    const newest = await this.#log.lastTransactions(limit);
    return newest
      .filter((each) => isSources(each) && abandonedBy(forks, each.first) === null)
      .map(toKnown);
  }

  async *#transactions(start: number): AsyncGenerator<KnownTransaction> {
    const log = this.#log;
    let from = start;
    while (from < log.head) {
      const fork = abandonedBy(log.forks(), from);
      if (fork !== null) {
        from = fork.offset;
        continue;
      }
      const { records, next } = await log.read({ from, limit: PAGE });
      from = next;
      let seen: LoggedTransaction | null = null;
      for (const { offset, transaction } of records) {
        if (abandonedBy(log.forks(), offset) !== null) {
          from = offset;
          break;
        }
        if (transaction === seen || transaction.first < start) continue;
        const isNew = seen?.first !== transaction.first && offset === transaction.first;
        if (isNew && isSources(transaction)) yield toKnown(transaction);
        seen = transaction;
        from = Math.max(from, transaction.last + 1);
      }
    }
  }

  /** The first offset whose transaction committed at or after a position, by halves. */
  async find(position: string): Promise<number> {
    const log = this.#log;
    let low = log.floor;
    let high = log.head;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const fork = abandonedBy(log.forks(), middle);
      if (fork !== null) {
        if (sourcePosition(fork.to) < position) low = fork.offset;
        else high = fork.abandoned;
        continue;
      }
      const transaction = await this.#at(middle);
      if (transaction === null) break;
      if (this.#placeOf(transaction) < position) low = transaction.last + 1;
      else high = transaction.first;
    }
    return Math.max(low, log.floor);
  }

  /** Where a transaction stands in the source's history; our own stand where the new one begins. */
  #placeOf(transaction: LoggedTransaction): string {
    if (isSources(transaction)) return sourcePosition(transaction.position);
    const fork = this.#log.forks().find(({ offset }) => offset === transaction.first);
    return sourcePosition(fork?.to ?? '');
  }

  async #at(offset: number): Promise<LoggedTransaction | null> {
    const { records } = await this.#log.read({ from: offset, limit: 1 });
    return records[0]?.transaction ?? null;
  }
}

/** What we have written ourselves has no place in the source's history. */
function isSources({ position }: LoggedTransaction): boolean {
  return sourcePosition(position) !== '';
}

function toKnown({ id, position, committedAt }: LoggedTransaction): KnownTransaction {
  return { id, position: sourcePosition(position), committedAt };
}
