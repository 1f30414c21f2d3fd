import { encodeImages } from '../../src/change/row-images.ts';
import type { Column, TableDefinition } from '../../src/change/table.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';

const TEXT: Omit<Column, 'name'> = { type: 'text', kind: 'text', array: false };

function table(name: string): TableDefinition {
  return {
    schema: 'public',
    name,
    columns: [
      { name: 'id', type: 'bigint', kind: 'integer', array: false },
      { ...TEXT, name: 'email' },
      { ...TEXT, name: 'note' },
      { name: 'balance', type: 'numeric', kind: 'decimal', array: false },
    ],
    key: [0],
    identity: 'full',
    dialect: 'postgres',
  };
}

/** How many different rows are updated. */
const ROWS = 1_000_003;
const ACCIDENT = 159;
const RARELY = 100_000;
const FLUSH = 2_000;

const position = (number: number): string => number.toString(16).toUpperCase().padStart(16, '0');

function row(id: number, version: number): readonly string[] {
  const note = 'some note text that is rather longer '.padEnd(60, 'x');
  return [String(id), `user${id}@example.com`, note, `${version}.50`];
}

/**
 * Makes a log of updates in transactions of one to three rows, on three tables and now and then a
 * fourth, with a delete of 159 rows in the middle: the worst for searching by transaction.
 */
export async function makeBusyLog(directory: string, changes: number): Promise<void> {
  await using log = await openSqliteLog({ directory, source: 'main' });
  const { writer } = log;
  const busy = ['account', 'orders', 'events'].map((name) => writer.defineTable(table(name)));
  const rare = writer.defineTable(table('rare'));
  const accident = Math.floor(changes / 2);
  for (let number = 0, transaction = 1; number < changes; transaction++) {
    const isAccident = number >= accident && number < accident + 3;
    const at = position(transaction * 256);
    writer.begin({ id: String(1_000 + transaction), position: at });
    const count = isAccident ? ACCIDENT : 1 + (transaction % 3);
    for (let left = count; left > 0; left--, number++) {
      const id = (number * 7919) % ROWS;
      const before = { kind: 'old', cells: row(id, number) } as const;
      const images = encodeImages({ before, after: isAccident ? null : row(id, number + 1) });
      const changed = transaction % RARELY === 0 ? rare : (busy[transaction % 3] ?? rare);
      writer.append({
        table: isAccident ? (busy[0] ?? rare) : changed,
        operation: isAccident ? 'delete' : 'update',
        key: String(id),
        previousKey: null,
        images,
      });
    }
    const context = transaction % 1_000_000 === 0 ? '{"actor":"ann"}' : null;
    writer.commit({ committedAt: 1_700_000_000_000_000 + transaction * 1000, context });
    if (transaction % FLUSH === 0) await writer.flush();
  }
  await writer.flush();
}
