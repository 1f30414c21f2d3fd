import { isAscii } from 'node:buffer';
import { CELL_TEXT, MARKER_KEY, MARKER_OLD } from '../../../change/row-images.ts';
import { type Bytes, bytesOf, FieldReader } from './decode-bytes.ts';
import type { MessageBytes } from './decode-context.ts';
import { CELL_UNREADABLE } from './decode-tuple.ts';
import { wordsToPosition } from './position.ts';
import { RawText } from './raw-text.ts';
import type { CatalogQuery } from '../relation/relation-types.ts';

const BEGIN = 0x42; // 'B'
const DELETE = 0x44; // 'D'
const INSERT = 0x49; // 'I'
const MESSAGE = 0x4d; // 'M'
const RELATION = 0x52; // 'R'
const UPDATE = 0x55; // 'U'
const TYPE = 0x59; // 'Y'

/** Where a value is that has no meaning in the database's encoding. */
export interface UnreadableValue {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** Of the transaction's commit. */
  readonly position: string;
}

export interface RawMessagesOptions {
  /** Of the database, as `server_encoding` says it. */
  readonly encoding: string;
  readonly query: CatalogQuery;
  /** Called for every such value. */
  readonly onUnreadable: (value: UnreadableValue) => void;
}

interface RawRelation {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
}

const UNREADABLE = Buffer.of(CELL_UNREADABLE);
/** The length of a text cell, behind its kind. */
const LENGTH = 4;

/**
 * Messages of a stream whose texts come in the database's own encoding, because the server could not
 * convert one: turned into what it would have sent, with `CELL_UNREADABLE` in the place of a value that
 * has no meaning. Where a change has one, its old row is only marked as a key, so that nobody takes it
 * for whole or fills the new row from it (invariant 10).
 */
export class RawMessages {
  readonly #text: RawText;
  readonly #options: RawMessagesOptions;
  readonly #relations = new Map<number, RawRelation>();
  #position = '';
  /** What the message that was read last has, until it is taken. */
  #unreadable: UnreadableValue[] = [];

  constructor(options: RawMessagesOptions) {
    this.#options = options;
    this.#text = new RawText(options.encoding);
  }

  /** True when {@link lookUp} has to run before the last message can be read. */
  get incomplete(): boolean {
    return this.#text.incomplete;
  }

  async lookUp(signal: AbortSignal): Promise<void> {
    await this.#text.lookUp(this.#options.query, signal);
  }

  /**
   * The message in UTF-8.
   * @returns null when {@link lookUp} has to run first; then it has to be given again.
   * @throws MalformedData
   */
  read(bytes: Bytes, start: number, end: number): MessageBytes | null {
    this.#unreadable = [];
    const type = bytes.view.getUint8(start);
    const message = { bytes, start, end };
    if (type === BEGIN) {
      const fields = new FieldReader(bytes, start + 1, end);
      this.#position = wordsToPosition(fields.uint32(), fields.uint32());
      return message;
    }
    if (type === RELATION) return this.#relation(message);
    if (type === TYPE) return this.#names(message, 1 + 4, 2);
    if (type === MESSAGE) return this.#names(message, 1 + 1 + 8, 1);
    if (type !== INSERT && type !== UPDATE && type !== DELETE) return message;
    return isAscii(bytes.buffer.subarray(start, end)) ? message : this.#row(message);
  }

  /** The message that was read last was handed on. */
  taken(): void {
    for (const value of this.#unreadable) this.#options.onUnreadable(value);
    this.#unreadable = [];
  }

  #relation({ bytes, start, end }: MessageBytes): MessageBytes | null {
    const fields = new FieldReader(bytes, start + 1, end);
    const parts = [bytes.buffer.subarray(start, start + 1 + 4)];
    const oid = fields.uint32();
    const schema = this.#name(fields, parts);
    const table = this.#name(fields, parts);
    const columns: string[] = [];
    parts.push(fields.take(1));
    const count = fields.take(2);
    parts.push(count);
    for (let left = count.readUInt16BE(0); left > 0; left--) {
      parts.push(fields.take(1));
      columns.push(this.#name(fields, parts));
      parts.push(fields.take(8));
    }
    if (this.incomplete) return null;
    this.#relations.set(oid, { schema, table, columns });
    return whole(parts, fields, end);
  }

  /** A message with so many names at a place, and nothing else that is converted. */
  #names({ bytes, start, end }: MessageBytes, at: number, count: number): MessageBytes | null {
    const fields = new FieldReader(bytes, start, end);
    const parts = [fields.take(at)];
    for (let left = count; left > 0; left--) this.#name(fields, parts);
    return this.incomplete ? null : whole(parts, fields, end);
  }

  #name(fields: FieldReader, parts: Buffer[]): string {
    const name = this.#text.nameToUtf8(fields.rawText()) ?? Buffer.alloc(0);
    parts.push(name, Buffer.of(0));
    return name.toString();
  }

  #row({ bytes, start, end }: MessageBytes): MessageBytes | null {
    const fields = new FieldReader(bytes, start + 1, end);
    const parts = [bytes.buffer.subarray(start, start + 1 + 4)];
    const relation = this.#relations.get(fields.uint32());
    let old = -1;
    while (fields.at < end) {
      const marker = fields.take(1);
      if (marker[0] === MARKER_OLD) old = parts.length;
      const count = fields.take(2);
      parts.push(marker, count);
      const columns = count.readUInt16BE(0);
      for (let index = 0; index < columns; index++) {
        if (!this.#cell(fields, parts)) this.#note(relation, index);
      }
    }
    if (this.incomplete) return null;
    if (this.#unreadable.length > 0 && old >= 0) parts[old] = Buffer.of(MARKER_KEY);
    return whole(parts, fields, end);
  }

  /** @returns false when it has no meaning. */
  #cell(fields: FieldReader, parts: Buffer[]): boolean {
    const kind = fields.take(1);
    if (kind[0] !== CELL_TEXT) {
      parts.push(kind);
      return true;
    }
    const raw = fields.take(fields.uint32());
    const text = this.#text.toUtf8(raw);
    if (text === null) {
      parts.push(UNREADABLE);
      return false;
    }
    const length = Buffer.allocUnsafe(LENGTH);
    length.writeUInt32BE(text?.length ?? 0);
    parts.push(kind, length, text ?? raw);
    return true;
  }

  #note(relation: RawRelation | undefined, index: number): void {
    const { schema = '', table = '', columns = [] } = relation ?? {};
    const column = columns[index] ?? '';
    this.#unreadable.push({ schema, table, column, position: this.#position });
  }
}

/** The parts, and what of the message comes behind them. */
function whole(parts: Buffer[], fields: FieldReader, end: number): MessageBytes {
  const buffer = Buffer.concat([...parts, fields.take(end - fields.at)]);
  return { bytes: bytesOf(buffer), start: 0, end: buffer.length };
}
