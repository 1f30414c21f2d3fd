import { encodeImages } from '../../src/change/row-images.ts';
import type { Column } from '../../src/change/table.ts';
import type { LogRecord } from '../../src/log/log.ts';
import { POSTGRES_DIALECT } from '../../src/source/postgres/values/dialect.ts';

const column = (name: string, kind: Column['kind'] = 'text'): Column => ({
  name,
  kind,
  type: kind,
  array: false,
});

/** An insert of (1, 'note', a value of so many bytes). Memory that nobody wrote to costs nothing. */
export function inserted(bytes: number): LogRecord {
  const start = encodeImages({ before: null, after: ['1', 'note', ''] });
  const images = Buffer.alloc(start.length + bytes);
  start.copy(images);
  images.writeUInt32BE(bytes, start.length - 4);
  return {
    offset: 101,
    table: {
      id: 1,
      schema: 'public',
      name: 'files',
      columns: [column('id', 'integer'), column('note'), column('body')],
      key: [0],
      identity: 'full',
      dialect: POSTGRES_DIALECT.name,
    },
    operation: 'insert',
    key: '1',
    previousKey: null,
    images,
    transaction: { first: 100, last: 101, id: '7', position: '0A', committedAt: 0, context: null },
  };
}
