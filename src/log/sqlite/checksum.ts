import { crc32 } from 'node:zlib';
import type { LoggedMark, LoggedTransaction } from '../log.ts';

/** CRC-32 over the first offset in decimal, the records' text and the images, one after the other. */
export function blockChecksum(block: {
  readonly first: number;
  readonly records: string;
  readonly images: Uint8Array;
}): number {
  return crc32(block.images, crc32(block.records, crc32(String(block.first))));
}

/**
 * CRC-32 over a transaction's columns, one per line: first, last, committed_at, latest_commit, id,
 * position and, when there is one, context. None but the last can hold a line break.
 */
export function transactionChecksum(transaction: LoggedTransaction, latestCommit: number): number {
  const { first, last, id, position, committedAt, context } = transaction;
  const text = `${first}\n${last}\n${committedAt}\n${latestCommit}\n${id}\n${position}`;
  return crc32(context === null ? text : `${text}\n${context}`);
}

/** CRC-32 over the JSON array of a table version's columns, in the order of table `table_version`. */
export function tableChecksum(
  table: { readonly id: number; readonly schema: string; readonly name: string },
  definition: string,
): number {
  return crc32(JSON.stringify([table.id, table.schema, table.name, definition]));
}

/** CRC-32 over the JSON array of a mark's columns, in the order of table `mark`, without its `id`. */
export function markChecksum(
  {
    offset,
    at,
    schema,
    name,
    kind,
  }: Pick<LoggedMark, 'offset' | 'at' | 'schema' | 'name' | 'kind'>,
  detail: string,
): number {
  return crc32(JSON.stringify([offset, at, schema, name, kind, detail]));
}
