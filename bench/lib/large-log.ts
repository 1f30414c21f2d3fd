import type { TableDefinition } from '../../src/change/table.ts';
import { encodeImages } from '../../src/change/row-images.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';

const TABLE: TableDefinition = {
  schema: 'bench',
  name: 'small',
  columns: [
    { name: 'id', type: 'bigint', kind: 'integer', array: false },
    { name: 'note', type: 'text', kind: 'text', array: false },
  ],
  key: [0],
  identity: 'full',
  dialect: 'postgres',
};

const BATCH = 5_000;
const ACCIDENT = 159;

const position = (number: number): string => number.toString(16).toUpperCase().padStart(16, '0');

/**
 * Makes a log of `main` with this many changes in transactions of 100, and in their midst the delete
 * of 159 rows. It takes an eighth of the time that capturing them would.
 * @returns the id of that transaction.
 */
export async function makeLargeLog(directory: string, changes: number): Promise<string> {
  await using log = await openSqliteLog({ directory, source: 'main' });
  const { writer } = log;
  const table = writer.defineTable(TABLE);
  const other = writer.defineTable({ ...TABLE, name: 'other' });
  const filler = Buffer.concat([encodeImages({ before: null, after: ['1', 'x'.repeat(180)] })]);
  let at = 1;
  const commit = (): void => {
    writer.commit({ committedAt: 1_700_000_000_000_000 + at, context: null });
    at += 1;
  };
  const fill = async (count: number): Promise<void> => {
    for (let number = 0; number < count; number++) {
      if (number % 100 === 0) writer.begin({ id: String(at), position: position(at) });
      const key = String(number);
      writer.append({ table: other, operation: 'insert', key, previousKey: null, images: filler });
      if ((number + 1) % 100 === 0 || number === count - 1) commit();
      if (number % BATCH === 0) await writer.flush();
    }
  };
  await fill(Math.floor(changes / 2));
  const accident = String(at);
  writer.begin({ id: accident, position: position(at) });
  for (let number = 1; number <= ACCIDENT; number++) {
    const key = String(number);
    const images = encodeImages({
      before: { kind: 'old', cells: [key, `note ${number}`] },
      after: null,
    });
    writer.append({ table, operation: 'delete', key, previousKey: null, images });
  }
  commit();
  await fill(Math.ceil(changes / 2));
  await writer.flush();
  return accident;
}
