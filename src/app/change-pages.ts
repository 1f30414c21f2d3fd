import { type ChangeView, createChangeDecoder } from '../change/decode.ts';
import { LONGEST_TEXT } from '../change/too-large.ts';
import { isRewindTable } from '../change/rewind.ts';
import { toWire, type WireChange, wireText } from '../change/wire.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { abandonedBy } from '../log/forks.ts';
import { logPruned } from '../log/log-pruned.ts';
import { type ChangeFilter, compileFilter, type FilterDefinition } from '../subscription/filter.ts';
import { DIALECTS } from './adapters.ts';
import type { ChangesPage, ChangesQuery, PassedOverChange } from './administration.ts';
import type { SourceService } from './source-service.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** Milliseconds. */
const MAX_WAIT = 60_000;
/** Records looked at in one go; an answer is sent after so many even when the filter wants none. */
const SCANNED = 20_000;
const PAGE_BYTES = 4 << 20;
/** One byte of a value becomes six characters of JSON at most (`\\u0001`), and there is the rest. */
const SURELY_FITS = Math.floor(LONGEST_TEXT / 8);
/** What a page has besides its only change. */
const ROOM = ' '.repeat(16 << 10);

/**
 * One page of a source's log behind an offset, as far as its changes are visible on the database
 * (invariant 4).
 * @throws TidingsError `LOG_PRUNED`, `OFFSET_UNKNOWN`, `FILTER_INVALID`, `FILTER_FAILED`
 */
export async function readChanges(
  source: SourceService,
  query: ChangesQuery,
  signal: AbortSignal,
): Promise<ChangesPage> {
  const { log, horizon } = source;
  const filter = compileFilter(filterOf(query));
  const limit = Math.max(1, Math.min(query.limit ?? DEFAULT_LIMIT, MAX_LIMIT));
  const wait = Math.max(0, Math.min(query.wait ?? 0, MAX_WAIT));
  const deadline = performance.now() + wait;
  const over = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, wait))]);
  let from = query.after === undefined ? log.floor : query.after + 1;
  check(source, from);
  for (;;) {
    const page = await readPage(source, { filter, from, limit });
    const isLast = performance.now() >= deadline || signal.aborted;
    const { changes, passedOver, next } = page;
    const found = changes.length + passedOver.length;
    if (found > 0 || isLast || next - from >= SCANNED) {
      const { name } = source;
      const { floor, head } = log;
      return { source: name, changes, passedOver, after: next - 1, floor, head };
    }
    from = page.next;
    await horizon.wait(from, over);
  }
}

function check({ name, log }: SourceService, from: number): void {
  if (from > log.head) {
    throw new TidingsError('OFFSET_UNKNOWN', { offset: from - 1, source: name, head: log.head });
  }
  if (from < log.floor) {
    throw logPruned({ offset: from, source: name, floor: log.floor });
  }
}

interface PageRequest {
  readonly filter: ChangeFilter;
  readonly from: number;
  readonly limit: number;
}

async function readPage(
  { name, log, horizon }: SourceService,
  { filter, from, limit }: PageRequest,
): Promise<Pick<ChangesPage, 'changes' | 'passedOver'> & { readonly next: number }> {
  const decoder = createChangeDecoder(name, DIALECTS);
  const tables = new Set(
    log
      .tables()
      .filter((table) => isRewindTable(table) || filter.wantsTable(table))
      .map(({ id }) => id),
  );
  const end = Math.min(horizon.offset, from + SCANNED);
  const changes: WireChange[] = [];
  const passedOver: PassedOverChange[] = [];
  const found = (): number => changes.length + passedOver.length;
  let next = from;
  while (next < end) {
    const page = await log.read({ from: next, to: end, tables, limit, maxBytes: PAGE_BYTES });
    for (const record of page.records) {
      const isLarge = record.images.length > SURELY_FITS;
      // A large one has a page of its own: the page is one text as well.
      if (isLarge && found() > 0) return { changes, passedOver, next };
      const isAbandoned = abandonedBy(log.forks(), record.offset) !== null;
      const change = isAbandoned ? null : toPage(filter, decoder.view(record));
      if (change !== null && 'message' in change) {
        passedOver.push({ offset: record.offset, ...change });
      } else if (change !== null) changes.push(change);
      if (isLarge && change !== null) return { changes, passedOver, next: record.offset + 1 };
      next = record.offset + 1;
      if (found() === limit) return { changes, passedOver, next };
    }
    next = page.next;
    if (found() > 0) return { changes, passedOver, next };
  }
  return { changes, passedOver, next };
}

/** A change for a page, or why it is passed over; null when it is not wanted. */
function toPage(
  filter: ChangeFilter,
  view: ChangeView,
): WireChange | Omit<PassedOverChange, 'offset'> | null {
  try {
    // That the history went back concerns whoever reads it, whatever they asked for (invariant 15).
    if (!isRewindTable(view.stored.table) && !filter.matches(view)) return null;
    const { change } = view;
    // Made once more with the page; only this tells whether it can be.
    if (view.stored.images.length > SURELY_FITS) wireText(change, { subject: ROOM });
    return toWire(change);
  } catch (error) {
    if (!isTidingsError(error, 'VALUE_TOO_LARGE')) throw error;
    return { code: error.code, message: error.message };
  }
}

function filterOf({ tables, operations, columns, where }: ChangesQuery): FilterDefinition {
  return {
    tables: tables ?? ['*.*'],
    ...(operations === undefined
      ? {}
      : { operations: operations as FilterDefinition['operations'] & {} }),
    ...(columns === undefined ? {} : { columns }),
    ...(where === undefined ? {} : { where }),
  };
}
