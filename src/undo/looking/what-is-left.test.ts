import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { encodeImages } from '../../change/row-images.ts';
import type { Column, TableDefinition } from '../../change/table.ts';
import { position, tableNamed } from '../../log/log.contract.ts';
import type { LoggedTable, LogRecord } from '../../log/log.ts';
import { openSqliteLog, type SqliteLog } from '../../log/sqlite/sqlite-log.ts';
import { notedMigrations } from './noted-migrations.ts';
import { allSchemaChanges, schemaChangeSince } from './schema-changes.ts';
import { lastRecordBefore, recordAt } from './searchable-log.ts';

const { signal } = new AbortController();

const text = (name: string): Column => ({ name, type: 'text', kind: 'text', array: false });

/** As Alembic makes it. */
const BOOKKEEPING = tableNamed('alembic_version', { columns: [text('version_num')] });
const ACCOUNTS = tableNamed('accounts');
const WIDER = { ...ACCOUNTS, columns: [...ACCOUNTS.columns, text('email')] };

let directory = '';
let log: SqliteLog;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-left-'));
  log = await openSqliteLog({ directory, source: 'main', segmentBytes: 130_000 });
});
afterEach(async () => {
  mock.restoreAll();
  await log[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

let transactions = 0;

/** A transaction of so many rows. */
async function add(table: TableDefinition, rows = 1): Promise<void> {
  const { writer } = log;
  const number = ++transactions;
  const id = writer.defineTable(table);
  writer.begin({ id: String(number), position: position(number) });
  for (let row = 0; row < rows; row++) {
    const key = `${number}-${row}`;
    const images = encodeImages({ before: null, after: table.columns.map(() => key) });
    writer.append({ table: id, operation: 'insert', key, previousKey: null, images });
  }
  writer.commit({ committedAt: number * 1_000_000, context: null });
  await writer.flush();
}

/** Notes with many changes between them, in many files; then a change that counts, and a note. */
async function addHistory(): Promise<LogRecord> {
  for (let turn = 0; turn < 20; turn++) {
    await add(BOOKKEEPING);
    await add(ACCOUNTS, 100);
  }
  const last = await recordAt(log, log.head - 1);
  await add(BOOKKEEPING);
  return last;
}

/** From here on each page has one record, and retention removes the oldest file before one of them. */
function trimBetweenPages(page = 2): { readonly pages: () => number } {
  const read = log.read.bind(log);
  let pages = 0;
  mock.method(log, 'read', async (request: Parameters<SqliteLog['read']>[0]) => {
    pages += 1;
    if (pages === page) {
      const { floor } = log;
      for (let before = floor; log.floor === floor; before += 100) await log.trim(before);
    }
    return await read({ ...request, limit: 1 });
  });
  return { pages: () => pages };
}

const versionsOf = (name: string): readonly LoggedTable[] =>
  log.tables().filter((table) => table.name === name);

test('notes are read although retention removes the oldest meanwhile', async () => {
  const last = await addHistory();
  const trimmed = trimBetweenPages();
  const before = versionsOf('accounts');
  const place = { from: last.offset, to: log.head, before };
  const notes = await notedMigrations(log, place, signal);
  assert.deepEqual(
    notes.map(({ tool, offset }) => [tool, offset]),
    [['Alembic', last.offset + 1]],
  );
  assert.ok(trimmed.pages() > 2 && log.floor > 0);
  const floor = log.floor;
  mock.restoreAll();
  await log.trim(log.floor);
  assert.deepEqual(await notedMigrations(log, place, signal), notes, 'and once more');
  assert.equal(log.floor, floor);
});

test('a change of the columns is found although the beginning goes meanwhile', async () => {
  await addHistory();
  await add(WIDER);
  const first = await recordAt(log, 1);
  const start = { version: first.table, offset: first.offset };
  // Its versions are told apart by an index: one page has the change.
  trimBetweenPages(1);
  const change = await schemaChangeSince(log, start, null, signal);
  assert.deepEqual([change?.added, change?.offset], [['email'], log.head - 1]);
  assert.equal(change?.migrations.length, 1);
  assert.ok(log.floor > first.offset);
});

test('all changes of a table’s columns are those of what is left', async () => {
  await addHistory();
  await add(WIDER);
  const versions = versionsOf('accounts');
  trimBetweenPages();
  const changes = await allSchemaChanges(log, versions, signal);
  assert.deepEqual(
    changes.map(({ added }) => added),
    [['email']],
  );
  assert.ok(log.floor > 0);
});

test('the last record is looked for in what is left; none is none', async () => {
  await addHistory();
  const tables = new Set(versionsOf('accounts').map(({ id }) => id));
  trimBetweenPages();
  const last = await lastRecordBefore(log, { to: 1_000, tables }, signal);
  assert.ok(last !== null && last.offset < 1_000 && log.floor > 0);
  mock.restoreAll();
  trimBetweenPages(1);
  const { floor } = log;
  assert.equal(await lastRecordBefore(log, { to: floor + 2, tables }, signal), null);
  assert.ok(log.floor > floor);
});

test('an error that is not about what went meanwhile is one', async () => {
  await addHistory();
  const place = { from: 0, to: log.head, before: [] };
  mock.method(log, 'read', () => Promise.reject(new Error('the disk is gone')));
  await assert.rejects(notedMigrations(log, place, signal), /the disk is gone/);
});
