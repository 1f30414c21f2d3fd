import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { changeOf, position, readAll, tableNamed } from '../log.contract.ts';
import type { TransactionRequest } from '../log-search.ts';
import { IS_LARGE, LARGE_TRANSACTION, segmentName } from './format.ts';
import { openSqliteLog, openSqliteLogReader, type SqliteLog } from './sqlite-log.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-log-search-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const open = (segmentBytes = 130_000) => openSqliteLog({ directory, source: 'main', segmentBytes });

/** Appends one transaction of so many rows. */
function add(log: SqliteLog, number: number, records: number, context: string | null = null): void {
  const { writer } = log;
  const table = writer.defineTable(tableNamed(number % 7 === 0 ? 'rare' : 'accounts'));
  assert.ok(writer.begin({ id: String(number), position: position(number) }));
  for (let row = 0; row < records; row++) {
    const operation = number % 50 === 0 ? 'delete' : 'insert';
    writer.append(changeOf(table, `${row}`, `value-${number}-${row}.`, { operation }));
  }
  writer.commit({ committedAt: number * 1000, context });
}

async function fill(log: SqliteLog, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) {
    const context = number % 9 === 0 ? JSON.stringify({ actor: `a${number % 4}` }) : null;
    add(log, number, number % 97 === 0 ? 60 + (number % 11) : 1 + (number % 3), context);
    if (number % 40 === 0) await log.writer.flush();
  }
  await log.writer.flush();
}

/** All pages of a search, which has to end. */
async function search(log: SqliteLog, request: TransactionRequest): Promise<readonly string[]> {
  const found: string[] = [];
  for (let to = log.head; to > (request.from ?? log.floor);) {
    const page = await log.findTransactions({ ...request, to, limit: 7 });
    assert.ok(page.next < to, 'a page makes way');
    found.push(...page.transactions.map(({ id }) => id));
    to = page.next;
  }
  return found;
}

test('transactions are found by size, context and range, newest first, over segments', async () => {
  await using log = await open();
  await fill(log, 1_200);
  assert.ok((await log.size()).segments > 2);
  const all = (await log.lastTransactions(10_000)).map((each) => ({
    ...each,
    records: each.last - each.first + 1,
  }));
  const expect = async (
    request: TransactionRequest,
    matches: (transaction: (typeof all)[number]) => boolean,
  ): Promise<void> => {
    const wanted = all.filter(matches).map(({ id }) => id);
    assert.ok(wanted.length > 0);
    assert.deepEqual(await search(log, request), wanted);
  };
  await expect({}, () => true);
  for (const minRecords of [2, LARGE_TRANSACTION - 1, LARGE_TRANSACTION, 67]) {
    await expect({ minRecords }, ({ records }) => records >= minRecords);
  }
  await expect({ contextWith: '' }, ({ context }) => context !== null);
  await expect({ contextWith: '"a3"' }, ({ context }) => context === '{"actor":"a3"}');
  await expect(
    { contextWith: 'actor', minRecords: 64 },
    ({ context, records }) => context !== null && records >= 64,
  );
  const from = all[200]?.first ?? 0;
  await expect({ from, minRecords: 2 }, ({ first, records }) => first >= from && records >= 2);
});

test('the index on large transactions is used', async () => {
  {
    await using log = await open();
    add(log, 1, 100);
    await log.writer.flush();
  }
  using db = new DatabaseSync(join(directory, segmentName(0)), { readOnly: true });
  const plan = db
    .prepare(`EXPLAIN QUERY PLAN SELECT * FROM txn WHERE first < 9 AND ${IS_LARGE}`)
    .all()
    .map((row) => row['detail']);
  assert.deepEqual(plan, ['SEARCH txn USING INDEX txn_large (first<?)']);
});

test('reading can be limited to operations and to records with these bytes', async () => {
  await using log = await open();
  await fill(log, 400);
  const records = await readAll(log);
  const deletes = records.filter(({ operation }) => operation === 'delete');
  assert.deepEqual(await readAll(log, { operations: new Set(['delete']) }), deletes);
  const containing = Buffer.from('value-123-0.');
  const found = await readAll(log, { containing });
  assert.ok(found.length < 300, 'only the block that has it is taken apart');
  const exactly = found.filter(({ images }) => Buffer.from(images).includes(containing));
  assert.deepEqual(
    exactly.map(({ transaction }) => transaction.id),
    ['123'],
  );
});

test('the beginning is when capture first reached a position, not when the file was made', async () => {
  await using log = await open();
  await using reader = await openSqliteLogReader({ directory, source: 'main' });
  assert.equal(await reader.beginning(), null);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const before = Date.now() * 1000;
  log.writer.reached(position(1));
  await log.writer.flush();
  await reader.refresh();
  const began = await reader.beginning();
  assert.ok(began !== null && began >= before && began <= Date.now() * 1000);
  log.writer.reached(position(2));
  await log.writer.flush();
  assert.equal(await log.beginning(), began, 'it stays');
});

test('after retention the log begins where its oldest segment was made', async () => {
  await using log = await open();
  await fill(log, 1_200);
  const first = await log.beginning();
  const floor = await log.trim(log.head);
  assert.ok(floor > 0);
  const later = await log.beginning();
  assert.ok(first !== null && later !== null && later >= first);
});
