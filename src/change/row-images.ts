/**
 * The stored form of a change's row images: what the log keeps and what sources produce.
 *
 *     images := image*                at most one before-image, then at most one after-image
 *     image  := marker tuple          marker: 'O' whole old row, 'K' only its key, 'N' new row
 *     tuple  := uint16 count, cell*   big-endian, one cell per column of the table version
 *     cell   := 'n'                   null
 *             | 'u'                   not known: a large value that did not change and was left out, or,
 *                                     beside no whole old row, one whose bytes have no meaning
 *             | 't' uint32 length, bytes    the database's own text, UTF-8
 *
 * The layout equals the TupleData of PostgreSQL's logical replication message formats
 * (https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html), so that the
 * busiest source can hand over a slice of what it received instead of encoding every cell again.
 */
export const MARKER_OLD = 0x4f; // 'O'
export const MARKER_KEY = 0x4b; // 'K'
export const MARKER_NEW = 0x4e; // 'N'
export const CELL_NULL = 0x6e; // 'n'
export const CELL_UNCHANGED = 0x75; // 'u'
export const CELL_TEXT = 0x74; // 't'

/**
 * False when an insert's row has a cell that is not known, because its bytes have no meaning as text.
 * Such a row can be neither compared with the present one nor made again. An update needs no such look:
 * where its new row leaves out what its old one has not either, the old one is not marked as whole.
 */
export function isWholeInsert(images: Uint8Array): boolean {
  // Many rows have no such byte in their texts either, and to look for it is one native call.
  if (!images.includes(CELL_UNCHANGED)) return true;
  const bytes = Buffer.from(images.buffer, images.byteOffset, images.byteLength);
  let at = 3;
  for (let left = bytes.readUInt16BE(1); left > 0; left--) {
    if (bytes[at] === CELL_UNCHANGED) return false;
    at += bytes[at] === CELL_TEXT ? 5 + bytes.readUInt32BE(at + 1) : 1;
  }
  return true;
}

/** One value: text, null, or undefined for "not known". */
export type Cell = string | null | undefined;

/** A decoded pair of images. */
export interface RowImages {
  /** The old row: all of it (`old`), only its key columns (`key`), or not known (`null`). */
  readonly before: { readonly kind: 'old' | 'key'; readonly cells: readonly Cell[] } | null;
  readonly after: readonly Cell[] | null;
}

const NO_IMAGES: RowImages = { before: null, after: null };

/**
 * Decodes stored images. The bytes come from our own log after its checksum was verified or from a
 * source that validated them, so a malformed input is a defect: it throws RangeError.
 */
export function decodeImages(bytes: Uint8Array): RowImages {
  if (bytes.length === 0) return NO_IMAGES;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let before: RowImages['before'] = null;
  let after: RowImages['after'] = null;
  let at = 0;
  while (at < buffer.length) {
    const marker = buffer.readUInt8(at);
    const cells: Cell[] = [];
    at = decodeTuple(buffer, at + 1, cells);
    if (marker === MARKER_NEW) after = cells;
    else if (marker === MARKER_OLD) before = { kind: 'old', cells };
    else if (marker === MARKER_KEY) before = { kind: 'key', cells };
    else throw new RangeError(`row image starts with unknown marker 0x${marker.toString(16)}`);
  }
  return { before, after };
}

function decodeTuple(buffer: Buffer, start: number, cells: Cell[]): number {
  let at = start + 2;
  for (let left = buffer.readUInt16BE(start); left > 0; left--) {
    const kind = buffer.readUInt8(at);
    at += 1;
    if (kind === CELL_TEXT) {
      const end = at + 4 + buffer.readUInt32BE(at);
      if (end > buffer.length) throw new RangeError('row image ends inside a cell');
      cells.push(buffer.toString('utf8', at + 4, end));
      at = end;
    } else if (kind === CELL_NULL) cells.push(null);
    else if (kind === CELL_UNCHANGED) cells.push(undefined);
    else throw new RangeError(`row image holds unknown cell kind 0x${kind.toString(16)}`);
  }
  return at;
}

/** Encodes images; the inverse of {@link decodeImages}, for sources that receive decoded cells. */
export function encodeImages(images: RowImages): Buffer {
  const parts: Buffer[] = [];
  if (images.before !== null) {
    parts.push(Buffer.of(images.before.kind === 'old' ? MARKER_OLD : MARKER_KEY));
    encodeTuple(images.before.cells, parts);
  }
  if (images.after !== null) {
    parts.push(Buffer.of(MARKER_NEW));
    encodeTuple(images.after, parts);
  }
  return Buffer.concat(parts);
}

function encodeTuple(cells: readonly Cell[], parts: Buffer[]): void {
  const count = Buffer.allocUnsafe(2);
  count.writeUInt16BE(cells.length);
  parts.push(count);
  for (const cell of cells) {
    if (cell === null) parts.push(Buffer.of(CELL_NULL));
    else if (cell === undefined) parts.push(Buffer.of(CELL_UNCHANGED));
    else {
      const text = Buffer.from(cell, 'utf8');
      const head = Buffer.allocUnsafe(5);
      head.writeUInt8(CELL_TEXT);
      head.writeUInt32BE(text.length, 1);
      parts.push(head, text);
    }
  }
}
