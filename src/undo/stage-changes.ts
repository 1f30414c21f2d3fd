import { isWholeInsert, MARKER_OLD } from '../change/row-images.ts';
import { qualifiedName, type TableDefinition } from '../change/table.ts';
import type { LoggedTable, LogRecord, TableId } from '../log/log.ts';
import type { TableName, UndoWorkspace } from '../source/undo-target.ts';
import { DoubtfulImages } from './doubtful-image.ts';
import { asPart } from './partition-away.ts';
import type { VersionAt } from './looking/schema-changes.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import { readSelected } from './read-changes.ts';
import { readPages } from './read-pages.ts';
import type { Selection } from './selection.ts';
import { readTruncated } from './read-truncated.ts';
import { requireText, requireTexts } from './require-text.ts';
import { presumedTables, tableOf, versionsOf } from './table-versions.ts';
import { LISTED_CONFLICTS } from './undo-plan.ts';

/** Changes of one table that the log cannot take back, whatever the database says. */
export interface Lacking {
  readonly reason: 'identity-not-full' | 'truncated' | 'table-added';
  readonly table: TableName;
  rows: number;
  /** The first of them. */
  readonly records: LogRecord[];
}

/** What was staged. */
export interface StagedChanges {
  changes: number;
  readonly lacking: readonly Lacking[];
  /** The first change of each table version. */
  readonly versions: readonly VersionAt[];
}

export interface StageOptions {
  readonly source: string;
  readonly log: SearchableLog;
  readonly workspace: UndoWorkspace;
  readonly selection: Selection;
  /** Later changes that are undone too, beyond the selection. */
  readonly extra: readonly LogRecord[];
  readonly signal: AbortSignal;
}

/** Hands the selected changes to the workspace, page by page. */
export async function stageChanges(options: StageOptions): Promise<StagedChanges> {
  const { source, log, workspace, selection, extra, signal } = options;
  const presumed = presumedTables(log);
  workspace.presume(presumed);
  const stager = new Stager(options, presumed);
  for await (const records of readSelected(log, selection, signal)) {
    // What a truncate of it removed has a history of its own: that of the table that it was then.
    const parts = records.map((record) =>
      record.operation === 'truncate' ? record : asPart(record, selection.away),
    );
    await stager.take(parts);
  }
  if (extra.length > 0) await stager.take(extra);
  if (selection.narrowed) await stageCascaded(options, stager);
  for (const truncate of stager.truncates) {
    if (await stageTruncate(options, truncate)) continue;
    stager.lack('truncated', truncate);
  }
  for (const { dropped } of selection.partitions) {
    if (dropped === undefined) continue;
    const { history } = await readTruncated(log, dropped, signal);
    await workspace.stageTruncate(dropped, requireTexts(source, history));
  }
  const { changes, lacking, versions } = stager;
  return { changes, lacking: [...lacking.values()], versions: [...versions.values()] };
}

class Stager {
  readonly #source: string;
  readonly #workspace: UndoWorkspace;
  readonly #doubtful: DoubtfulImages;
  readonly lacking = new Map<string, Lacking>();
  readonly truncates: LogRecord[] = [];
  readonly tables = new Map<string, TableName>();
  /** First offsets of transactions with changes that the database may have passed on. */
  readonly transactions = new Set<number>();
  readonly versions = new Map<TableId, VersionAt>();
  changes = 0;

  readonly #presumed: ReadonlyMap<TableDefinition, string>;
  readonly #addedLater: ReadonlySet<TableId>;

  constructor(
    { source, workspace, log, selection }: StageOptions,
    presumed: ReadonlyMap<TableDefinition, string>,
  ) {
    this.#source = source;
    this.#workspace = workspace;
    this.#presumed = presumed;
    this.#addedLater = selection.addedLater ?? new Set();
    this.#doubtful = new DoubtfulImages(log);
  }

  async take(records: readonly LogRecord[], cascaded = false): Promise<void> {
    const whole: LogRecord[] = [];
    for (const record of records) {
      const { operation, table, transaction, offset } = record;
      requireText(this.#source, record);
      this.changes += 1;
      const first = this.versions.get(table.id);
      if (first === undefined || offset < first.offset) {
        this.versions.set(table.id, { version: table, offset });
      }
      if (this.#addedLater.has(table.id)) {
        this.lack('table-added', record);
        continue;
      }
      if (operation === 'truncate') this.truncates.push(record);
      else if (!isWhole(record) || this.#doubtful.has(record)) {
        this.lack('identity-not-full', record);
      } else whole.push(record);
      if (operation === 'insert' || cascaded) continue;
      const found = this.#tableOf(table);
      this.tables.set(found.id ?? qualifiedName(table), found);
      this.transactions.add(transaction.first);
    }
    if (whole.length === 0) return;
    await (cascaded ? this.#workspace.stageCascaded(whole) : this.#workspace.stage(whole));
  }

  #tableOf(table: LoggedTable): TableName {
    const id = this.#presumed.get(table);
    return { ...tableOf(table), ...(id === undefined ? {} : { id }) };
  }

  lack(reason: Lacking['reason'], record: LogRecord): void {
    const id = `${reason} ${qualifiedName(record.table)}`;
    const found = this.lacking.get(id) ?? {
      reason,
      table: this.#tableOf(record.table),
      rows: 0,
      records: [],
    };
    found.rows += 1;
    if (found.records.length < listed(reason)) found.records.push(record);
    this.lacking.set(id, found);
  }
}

/** A table that was added later is one conflict, whatever was changed in it. */
function listed(reason: Lacking['reason']): number {
  return reason === 'table-added' ? 1 : LISTED_CONFLICTS;
}

/**
 * What foreign keys did to other tables is undone with its cause, also when only the cause was
 * asked for: in the log it is part of the same transaction.
 */
async function stageCascaded(options: StageOptions, stager: Stager): Promise<void> {
  const { log, workspace, selection, signal } = options;
  if (stager.tables.size === 0) return;
  const children = await workspace.cascadesFrom([...stager.tables.values()]);
  const ids = children
    .flatMap((child) => versionsOf(log, child))
    .filter(({ id }) => !selection.bookkeeping.has(id));
  if (ids.length === 0) return;
  const tables = new Set(ids.map(({ id }) => id));
  const { from, to } = selection;
  const request = { from, to, tables };
  for await (const page of readPages(log, request, signal)) {
    const records = page.filter(
      (record) =>
        (record.operation === 'update' || record.operation === 'delete') &&
        stager.transactions.has(record.transaction.first) &&
        !selection.accepts(record),
    );
    if (records.length > 0) await stager.take(records, true);
  }
}

/**
 * Stages the rows that a truncate removed.
 * @returns whether the log has all of them.
 */
async function stageTruncate(options: StageOptions, truncate: LogRecord): Promise<boolean> {
  const { source, log, workspace, selection, signal } = options;
  const { history, isWhole } = await readTruncated(log, truncate, signal);
  const parts = partsOf(requireTexts(source, history), selection);
  await workspace.stageTruncate(asPart(truncate, selection.away), parts);
  return isWhole();
}

/** Whether the log has both of the change's rows whole, as far as it has them. */
function isWhole({ operation, images }: LogRecord): boolean {
  return operation === 'insert' ? isWholeInsert(images) : images[0] === MARKER_OLD;
}

async function* partsOf(
  history: AsyncIterable<readonly LogRecord[]>,
  { away }: Selection,
): AsyncGenerator<readonly LogRecord[]> {
  for await (const page of history) yield page.map((record) => asPart(record, away));
}
