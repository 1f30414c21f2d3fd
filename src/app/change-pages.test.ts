import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { test } from 'node:test';
import { encodeImages } from '../change/row-images.ts';
import { rewindChange, rewindTable } from '../change/rewind.ts';
import type { LogRecord } from '../log/log.ts';
import { Horizon } from '../subscription/horizon.ts';
import type { ChangesQuery } from './administration.ts';
import { readChanges } from './change-pages.ts';
import type { SourceService } from './source-service.ts';

const column = { kind: 'text', type: 'text', array: false } as const;
const table = {
  id: 1,
  schema: 'public',
  name: 'files',
  columns: [
    { ...column, name: 'id' },
    { ...column, name: 'body' },
  ],
  key: [0],
  identity: 'full',
  dialect: 'postgres',
} as const;

/** Offset 1 has a value of so many zero bytes. Memory that nobody wrote to costs nothing. */
function record(offset: number, large: number): LogRecord {
  const start = encodeImages({ before: null, after: [String(offset), ''] });
  const bytes = offset === 1 ? large : 0;
  const images = Buffer.alloc(start.length + bytes);
  start.copy(images);
  images.writeUInt32BE(bytes, start.length - 4);
  const transaction = { first: 0, last: 2, id: '7', position: '0A', committedAt: 0, context: null };
  const row = { operation: 'insert', key: String(offset), previousKey: null } as const;
  return { offset, table, images, transaction, ...row };
}

/** A source whose log has three records, of which the second is too large. */
function source(large = constants.MAX_STRING_LENGTH + 1): SourceService {
  const log = {
    floor: 0,
    head: 3,
    tables: () => [table],
    forks: () => [],
    read: ({ from, to }: { readonly from: number; readonly to: number }) =>
      Promise.resolve({
        records: Array.from({ length: to - from }, (_, index) => record(from + index, large)),
        next: to,
      }),
  };
  return { name: 'main', log, horizon: new Horizon(3) } as unknown as SourceService;
}

test('a change that is too large is named in its page and holds up nothing behind it', async () => {
  const { signal } = new AbortController();
  const offsets: number[] = [];
  const passedOver: string[] = [];
  let after: number | undefined;
  do {
    const page = await readChanges(source(), after === undefined ? {} : { after }, signal);
    offsets.push(...page.changes.map(({ data }) => data.offset));
    passedOver.push(...page.passedOver.map(({ offset, message }) => `${offset}: ${message}`));
    after = page.after;
  } while (after < 2);
  assert.deepEqual(offsets, [0, 2]);
  assert.equal(passedOver.length, 1);
  assert.match(passedOver[0] ?? '', /^1: Change main:0A:1 of public\.files .* column body/);
  const alone = await readChanges(source(), { after: 0, limit: 1 }, signal);
  assert.deepEqual([alone.changes, alone.passedOver.length, alone.after], [[], 1, 1]);
});

test('nor does one that a filter would have to read', async () => {
  const { signal } = new AbortController();
  const read = async (where: string): Promise<readonly [readonly number[], readonly number[]]> => {
    const { changes, passedOver } = await readChanges(source(), { where }, signal);
    return [changes.map(({ data }) => data.offset), passedOver.map(({ offset }) => offset)];
  };
  assert.deepEqual(await read("after.body == 'x'"), [[], [1]]);
  assert.deepEqual(
    await read("after.id == '2'"),
    [[2], []],
    'what it does not read is not too large',
  );
});

test('nor does one whose value is a text, and has no room in a page', async () => {
  // In JSON a zero byte is six characters.
  const large = Math.ceil(constants.MAX_STRING_LENGTH / 6);
  const { changes, passedOver } = await readChanges(
    source(large),
    { after: 0, limit: 1 },
    new AbortController().signal,
  );
  assert.deepEqual([changes, passedOver.map(({ offset }) => offset)], [[], [1]]);
});

test('what a rewind abandoned is left out, and that it happened is told whatever is asked for', async () => {
  const rewinds = { ...rewindTable('postgres'), id: 2 };
  const notice = { abandonedFrom: 1, abandonedBefore: 2, historyLost: false, reason: 'restored' };
  const told = { ...record(2, 0), ...rewindChange(2, notice), table: rewinds, key: null };
  const records = [record(0, 0), record(1, 0), told, record(3, 0)];
  const log = {
    floor: 0,
    head: 4,
    tables: () => [table, rewinds],
    forks: () => [{ offset: 2, abandoned: 1 }],
    read: ({ tables }: { readonly tables: ReadonlySet<number> }) =>
      Promise.resolve({
        records: records.filter((each) => tables.has(each.table.id)),
        next: 4,
      }),
  };
  const forked = { name: 'main', log, horizon: new Horizon(4) } as unknown as SourceService;
  const offsets = async (query: ChangesQuery): Promise<readonly number[]> => {
    const { changes } = await readChanges(forked, query, new AbortController().signal);
    return changes.map(({ data }) => data.offset);
  };
  assert.deepEqual(await offsets({}), [0, 2, 3]);
  assert.deepEqual(await offsets({ tables: ['public.*'] }), [0, 2, 3]);
  assert.deepEqual(await offsets({ operations: ['update'] }), [2]);
  assert.deepEqual(await offsets({ tables: ['public.none'] }), [2]);
});
