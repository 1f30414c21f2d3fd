import type { CheckResult } from '../../../observe/check-result.ts';
import {
  type CapturedTable,
  listTables,
  type SkippedRelation,
  type TablesQuery,
} from '../setup/captured-tables.ts';
import type { Silenced } from '../setup/event-triggers.ts';
import { quoteLiteral, quoteTable } from '../quote.ts';
import { createTriggerSql } from '../setup/table-trigger.ts';

/** Which tables are captured, and what of their changes. */
export function* checkTables(
  tables: readonly CapturedTable[],
  skipped: readonly SkippedRelation[],
): Generator<CheckResult> {
  const wanted = tables.filter((table) => table.wantedInAll || table.wantedInInsertOnly);
  yield wanted.length > 0
    ? { name: 'tables', status: 'ok', message: `The patterns mean ${countTables(wanted)}.` }
    : {
        name: 'tables',
        status: 'warning',
        message: 'The patterns mean no table yet.',
        fix: 'If that is not intended, correct sources.*.tables in the configuration.',
      };
  const computed = wanted.filter((table) => table.virtual && table.full);
  const insertOnly = wanted.filter(
    (table) => table.wantedInInsertOnly && !computed.includes(table),
  );
  if (insertOnly.length > 0) {
    yield {
      name: 'keys',
      status: 'warning',
      message: `${countTables(insertOnly)} without a usable primary key or replica identity: only inserts and truncates are captured.`,
      fix: insertOnly
        .map((table) => `ALTER TABLE ${quoteTable(table)} ADD PRIMARY KEY (…);`)
        .join('\n'),
    };
  }
  yield* checkVirtual(wanted.filter((table) => table.virtual));
  yield* checkIdentity(wanted.filter((table) => table.wantedInAll && !table.virtual));
  const words = {
    unlogged: 'unlogged',
    foreign: 'foreign',
    view: 'views',
    extension: 'of extensions',
    name: "their names have bytes that stand for no character of the database's encoding",
  };
  for (const why of ['unlogged', 'foreign', 'name', 'extension', 'view'] as const) {
    const some = skipped.filter((relation) => relation.why === why);
    if (some.length === 0) continue;
    yield {
      name: 'left out',
      // A pattern such as public.* means views as a side effect; unlogged tables look like tables.
      status: why === 'view' || why === 'extension' ? 'ok' : 'warning',
      message: `Not captured, because ${words[why]}: ${listTables(some)}.`,
    };
  }
}

/**
 * A table with a column that is computed on reading: PostgreSQL refuses its published updates while
 * the whole row is its identity. So it is not told to have that, as others are.
 */
function* checkVirtual(tables: readonly CapturedTable[]): Generator<CheckResult> {
  if (tables.length === 0) return;
  const full = tables.filter((table) => table.full);
  yield {
    name: 'virtual columns',
    status: 'warning',
    message: `${countTables(tables)} with a generated column that is virtual, beside which no REPLICA IDENTITY FULL works: their updates and deletes carry no old row and cannot be undone${full.length === 0 ? '' : `, and with it (${listTables(full)}) are not captured`}.`,
    fix: 'Where undo matters, make the column STORED.',
    ...(full.length === 0
      ? {}
      : {
          sql: full
            .map((table) => `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY DEFAULT;`)
            .join('\n'),
        }),
  };
}

function* checkIdentity(tables: readonly CapturedTable[]): Generator<CheckResult> {
  const partly = tables.filter((table) => table.partlyFull);
  if (partly.length > 0) {
    yield {
      name: 'partitions',
      status: 'warning',
      message: `${listTables(partly)}: some partitions lack REPLICA IDENTITY FULL, so old rows hold only their keys.`,
      fix: EACH,
      sql: partly.map(partitionsFullSql).join('\n'),
    };
  }
  const short = tables.filter((table) => !table.full && !table.partlyFull);
  if (short.length === 0) return;
  yield {
    name: 'old rows',
    status: 'warning',
    message: `${countTables(short)} without REPLICA IDENTITY FULL: their updates and deletes carry no old row and cannot be undone.`,
    ...(short.some(({ partitioned }) => partitioned) ? { fix: EACH } : {}),
    sql: short
      .map((table) =>
        table.partitioned
          ? partitionsFullSql(table)
          : `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY FULL;`,
      )
      .join('\n'),
  };
}

/** What the block does that changes partitions. */
const EACH =
  'The block locks each partition that lacks it until the last one has it; where that is too long, alter them one by one.';

/**
 * A partitioned table does not pass its replica identity on. Those that have it already are
 * not locked. A COMMIT after each would lock them one at a time, and PostgreSQL has none where several
 * statements are sent at once, as many programs do with what is pasted.
 */
function partitionsFullSql(table: CapturedTable): string {
  const root = quoteLiteral(quoteTable(table));
  const tag = root.includes('$$') ? '$full$' : '$$';
  return `DO ${tag} DECLARE p regclass; BEGIN FOR p IN SELECT t.relid FROM pg_partition_tree(${root}) t JOIN pg_class c ON c.oid = t.relid AND c.relreplident <> 'f' LOOP EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', p); END LOOP; END ${tag};`;
}

/** Whether tables made later are captured from their first row on. */
export function checkNewTables(
  source: string,
  query: TablesQuery,
  triggered: boolean,
  silenced: readonly Silenced[],
): CheckResult {
  const name = 'new tables';
  if (triggered && silenced.length > 0) {
    const sessions = silenced.map((each) => each.sessions).join(', ');
    return {
      name,
      status: 'warning',
      message: `event_triggers is off for ${sessions}: tables that such a session makes are noticed within 10 seconds, and rows written to them before that are not captured; what it does to columns, keys and partitions is only known where the log can tell.`,
      sql: silenced.map(({ sql }) => sql).join('\n'),
    };
  }
  if (triggered) {
    return {
      name,
      status: 'ok',
      message:
        'Tables made later are captured from their first row on (event trigger), but for those of a session that sets event_triggers = off: these within 10 seconds.',
    };
  }
  return {
    name,
    status: 'warning',
    message:
      'Tables made later are noticed within 2 seconds; rows written to them before that are not captured, and a table that loses its key cannot be updated for as long.',
    fix: 'Run its SQL as a superuser, once:',
    sql: createTriggerSql(source, query),
  };
}

function countTables(tables: readonly CapturedTable[]): string {
  const count = tables.length === 1 ? '1 table' : `${tables.length} tables`;
  return `${count} (${listTables(tables)})`;
}
