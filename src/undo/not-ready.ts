import { compileTablePatterns } from '../change/table-pattern.ts';
import { qualifiedName } from '../change/table.ts';
import { formatMicros } from '../change/time.ts';
import type { LoggedTable, LogReader } from '../log/log.ts';
import { isBookkeeping } from './bookkeeping.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import type { Assessment, TableName, UndoTarget } from '../source/undo-target.ts';
import type { Selection } from './selection.ts';
import type { StagedChanges } from './stage-changes.ts';
import { placeInWords, versionsOf } from './table-versions.ts';
import { unreportedThen } from './unreported-then.ts';
import { alteredWarnings } from './altered-tables.ts';
import type { UndoNotReady, UndoPlan, UndoRequest } from './undo-plan.ts';

interface Where {
  readonly log: SearchableLog;
  readonly target: UndoTarget;
}

/** What is known when a plan is put together. */
interface Planned {
  readonly request: UndoRequest;
  readonly assessment: Assessment;
  readonly staged: StagedChanges;
  readonly selection: Selection;
}

/** Which of the tables the log cannot take updates and deletes of back, and since when. */
export async function findNotReady(
  { log, target }: Where,
  { request, assessment, staged, selection }: Planned,
  signal: AbortSignal,
): Promise<readonly UndoNotReady[]> {
  const found = new Map<string, UndoNotReady>();
  const known = new Set(assessment.tables.map(qualifiedName));
  // Of a table whose changes all lack their old rows, none was staged.
  const lacking = staged.lacking
    .filter(({ table }) => !known.has(qualifiedName(table)))
    .map(({ table, records }) => ({
      ...table,
      identity: records.at(-1)?.table.identity ?? null,
    }));
  for (const table of [...assessment.tables, ...lacking]) {
    if (table.identity === null || table.identity === 'full') continue;
    const name = qualifiedName(table);
    const holders = await target.notFull(table, signal);
    if (holders.length === 0) continue;
    found.set(name, {
      table: name,
      identity: table.identity,
      since: await firstWithout(log, versionsOf(log, table)),
      message: await describeHolders(log, table, holders),
      hint: target.fullIdentitySql(holders),
    });
  }
  if (request.tables !== undefined) {
    const patterns = compileTablePatterns(request.tables);
    for (const table of await target.unreported(signal)) {
      const name = qualifiedName(table);
      if (!patterns.matches(table.schema, table.name)) continue;
      if (isBookkeeping(log, selection.bookkeeping, table)) continue;
      found.set(name, {
        table: name,
        identity: 'nothing',
        since: await firstWithout(log, versionsOf(log, table)),
        message: `${name} reports no updates and deletes at all: they are not in the log.`,
        hint: `${target.fullIdentitySql([table])} -- or give it a primary key`,
      });
    }
  }
  return [...found.values()];
}

/** How many partitions are named one by one. */
const NAMED = 10;

/** Says which partitions it is, where the others have whole old rows, and since when. */
async function describeHolders(
  log: LogReader,
  table: TableName,
  holders: readonly TableName[],
): Promise<string> {
  const name = qualifiedName(table);
  const only = holders.length === 1 && holders[0] !== undefined && qualifiedName(holders[0]);
  if (only === name) {
    return `${name} reports no whole old rows: its updates and deletes cannot be undone.`;
  }
  const texts: string[] = [];
  for (const holder of holders.slice(0, NAMED)) {
    const versions = versionsOf(log, table).filter(
      ({ origin }) =>
        origin?.partition !== undefined &&
        qualifiedName(origin.partition) === qualifiedName(holder),
    );
    const since = await firstWithout(log, versions);
    texts.push(`${qualifiedName(holder)}${since === null ? '' : ` (since ${since})`}`);
  }
  const more = holders.length > NAMED ? ` and ${holders.length - NAMED} more` : '';
  const some = `${holders.length === 1 ? 'partition' : 'partitions'} ${texts.join(', ')}${more}`;
  return `${name}: ${some} without whole old rows: updates and deletes of rows there cannot be undone.`;
}

/** The first change that came without a whole old row, as far back as the log goes. */
async function firstWithout(
  log: LogReader,
  versions: readonly LoggedTable[],
): Promise<string | null> {
  const short = versions.filter(({ identity }) => identity !== 'full');
  const tables = new Set(short.map(({ id }) => id));
  if (tables.size === 0) return null;
  let from = log.floor;
  while (from < log.head) {
    const page = await log.read({ from, tables, limit: 1 });
    const [record] = page.records;
    if (record !== undefined) return formatMicros(record.transaction.committedAt);
    from = page.next;
  }
  return null;
}

/** What the plan's reader should know besides conflicts. */
export async function findWarnings(
  { log, target }: Where,
  {
    request,
    assessment,
    selection,
    schemaChanges,
  }: Omit<Planned, 'staged'> & Pick<UndoPlan, 'schemaChanges'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const warnings: string[] = [];
  if ('transaction' in request && (await log.transactionsById(request.transaction)).length > 1) {
    warnings.push(
      `The log has several transactions ${request.transaction}, because the database's ids begin anew; this is the newest.`,
    );
  }
  for (const gap of await log.gaps()) {
    if (gap.offset <= selection.from || gap.offset > selection.to) continue;
    warnings.push(
      `Changes were lost before offset ${gap.offset} (${gap.reason}): they are not undone, and rows that they changed show as conflicts.`,
    );
  }
  warnings.push(...alteredWarnings(schemaChanges, assessment));
  for (const table of assessment.tables) {
    const name = qualifiedName(table);
    if (table.insert + table.update + table.delete === 0) continue;
    if (table.triggers.length > 0) {
      warnings.push(
        `Triggers of ${name} will fire: ${table.triggers.join(', ')}. --without-triggers leaves them out.`,
      );
    }
    for (const former of table.formerNames) {
      warnings.push(`${former} is called ${name} now: its changes are undone there.`);
    }
    if (table.onlyByName) {
      warnings.push(
        `Some changes of ${name} are from before the log knew tables by their numbers: that it is the table that was changed then, and not another of that name, could not be checked.`,
      );
    }
  }
  return [...warnings, ...(await silenceWarnings({ log, target }, { request, selection }, signal))];
}

/** Of tables that report no updates and deletes, or that did not at the time. */
async function silenceWarnings(
  { log, target }: Where,
  { request, selection }: Pick<Planned, 'request' | 'selection'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const warnings: string[] = [];
  const silent = (await target.unreported(signal)).filter(
    (table) => !isBookkeeping(log, selection.bookkeeping, table),
  );
  if (request.tables === undefined && silent.length > 0) {
    warnings.push(
      `Updates and deletes of ${someOf(silent.map(qualifiedName))} are not in the log; if the transaction made some, they are not undone.`,
    );
  }
  const told = new Set(silent.map(qualifiedName));
  const then = (await unreportedThen(log, selection, signal)).filter(
    (table) => !told.has(qualifiedName(table)),
  );
  if (then.length > 0) {
    const names = [...new Set(then.map(placeInWords))];
    warnings.push(
      `For a part of this time ${someOf(names)} reported no updates and deletes: if there were some, they are not in the log and not undone.`,
    );
  }
  return warnings;
}

function someOf(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.slice(0, 5).join(', ')}${more}`;
}
