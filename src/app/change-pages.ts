import type { Change } from '../change/change.ts';
import { createChangeDecoder } from '../change/decode.ts';
import { toWire, type WireChange } from '../change/wire.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { type ChangeFilter, compileFilter, type FilterDefinition } from '../subscription/filter.ts';
import { DIALECTS } from './adapters.ts';
import type { ChangesPage, ChangesQuery } from './administration.ts';
import type { SourceService } from './source-service.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** Milliseconds. */
const MAX_WAIT = 60_000;
/** Records looked at in one go; an answer is sent after so many even when the filter wants none. */
const SCANNED = 20_000;
const PAGE_BYTES = 4 << 20;

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
    if (page.changes.length > 0 || isLast || page.next - from >= SCANNED) {
      const { name } = source;
      const { floor, head } = log;
      return { source: name, changes: page.changes, after: page.next - 1, floor, head };
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
    throw new TidingsError('LOG_PRUNED', { offset: from, source: name, floor: log.floor });
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
): Promise<{ readonly changes: readonly WireChange[]; readonly next: number }> {
  const decoder = createChangeDecoder(name, DIALECTS);
  const tables = new Set(
    log
      .tables()
      .filter((table) => filter.wantsTable(table))
      .map(({ id }) => id),
  );
  const end = Math.min(horizon.offset, from + SCANNED);
  const changes: WireChange[] = [];
  let next = from;
  while (next < end) {
    const page = await log.read({ from: next, to: end, tables, limit, maxBytes: PAGE_BYTES });
    for (const record of page.records) {
      const view = decoder.view(record);
      if (filter.matches(view)) changes.push(toWire(view.change satisfies Change));
      next = record.offset + 1;
      if (changes.length === limit) return { changes, next };
    }
    next = page.next;
    if (changes.length > 0) return { changes, next };
  }
  return { changes, next };
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
