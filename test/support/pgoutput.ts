/**
 * Builds the bytes that PostgreSQL's walsender sends, for tests and benchmarks of their decoder.
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */

/** A cell: text, null, or undefined for "unchanged and left out". */
export type Cell = string | null | undefined;

export interface ColumnParts {
  readonly name: string;
  readonly type?: number;
  readonly modifier?: number;
  readonly flagged?: boolean;
}

export interface RelationParts {
  readonly oid?: number;
  readonly schema?: string;
  readonly name?: string;
  readonly identity?: string;
  readonly columns: readonly ColumnParts[];
}

const TEXT_TYPE = 25;

export const uint8 = (value: number): Buffer => Buffer.of(value);

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

const char = (text: string): Buffer => Buffer.from(text, 'latin1');
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

export function tuple(cells: readonly Cell[]): Buffer {
  return Buffer.concat([uint16(cells.length), ...cells.map(cell)]);
}

function cell(value: Cell): Buffer {
  if (value === null) return char('n');
  if (value === undefined) return char('u');
  const bytes = Buffer.from(value);
  return Buffer.concat([char('t'), uint32(bytes.length), bytes]);
}

export function relation(parts: RelationParts): Buffer {
  const { oid = 1, schema = 'public', name = 'accounts', identity = 'd', columns } = parts;
  return Buffer.concat([
    char('R'),
    uint32(oid),
    text(schema),
    text(name),
    char(identity),
    uint16(columns.length),
    ...columns.flatMap((column) => [
      uint8(column.flagged === true ? 1 : 0),
      text(column.name),
      uint32(column.type ?? TEXT_TYPE),
      uint32(column.modifier ?? -1),
    ]),
  ]);
}

export function type(oid: number, schema: string, name: string): Buffer {
  return Buffer.concat([char('Y'), uint32(oid), text(schema), text(name)]);
}

/** @param committedAt microseconds since 2000. */
export function begin(position: bigint, xid: number, committedAt = 0n): Buffer {
  return Buffer.concat([char('B'), uint64(position), uint64(committedAt), uint32(xid)]);
}

export function commit(position: bigint, end: bigint, committedAt = 0n): Buffer {
  return Buffer.concat([char('C'), uint8(0), uint64(position), uint64(end), uint64(committedAt)]);
}

export function insert(oid: number, row: readonly Cell[]): Buffer {
  return Buffer.concat([char('I'), uint32(oid), char('N'), tuple(row)]);
}

export interface OldRow {
  readonly marker: 'K' | 'O';
  readonly row: readonly Cell[];
}

export function update(oid: number, row: readonly Cell[], old?: OldRow): Buffer {
  return Buffer.concat([char('U'), uint32(oid), ...oldRow(old), char('N'), tuple(row)]);
}

export function remove(oid: number, old: OldRow): Buffer {
  return Buffer.concat([char('D'), uint32(oid), ...oldRow(old)]);
}

function oldRow(old: OldRow | undefined): Buffer[] {
  return old === undefined ? [] : [char(old.marker), tuple(old.row)];
}

export function truncate(...oids: readonly number[]): Buffer {
  return Buffer.concat([char('T'), uint32(oids.length), uint8(0), ...oids.map(uint32)]);
}

export function message(prefix: string, content: Buffer | string, transactional = true): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([
    char('M'),
    uint8(transactional ? 1 : 0),
    uint64(0n),
    text(prefix),
    uint32(bytes.length),
    bytes,
  ]);
}

export function origin(name: string): Buffer {
  return Buffer.concat([char('O'), uint64(0n), text(name)]);
}

/** A frame of the protocol: its type, its length, its body. */
export function frame(kind: string, body: Buffer): Buffer {
  return Buffer.concat([char(kind), uint32(body.length + 4), body]);
}

/** A pgoutput message as it comes: in an XLogData in a CopyData frame. */
export function xlogData(body: Buffer): Buffer {
  return frame('d', Buffer.concat([char('w'), uint64(0n), uint64(0n), uint64(0n), body]));
}

export function keepalive(position: bigint, reply = false): Buffer {
  return frame('d', Buffer.concat([char('k'), uint64(position), uint64(0n), uint8(reply ? 1 : 0)]));
}

/** What the server answers to START_REPLICATION. */
export const COPY_BOTH = frame('W', Buffer.from([0, 0, 0]));

/** An ErrorResponse with these fields, by their letter. */
export function errorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(fields).flatMap(([letter, value]) => [char(letter), text(value)]);
  return frame('E', Buffer.concat([...parts, uint8(0)]));
}
