import { MARKER_KEY, MARKER_NEW, MARKER_OLD } from '../../../change/row-images.ts';
import type { ChangeReceiver } from '../../source.ts';
import { type AnnouncementMessage, readAnnouncement, toMark } from '../relation/announcements.ts';
import { textReader, type TextReader } from '../connection/database-text.ts';
import { type Bytes, bytesOf, FieldReader, MalformedData } from './decode-bytes.ts';
import { addContext, readContext } from './decode-context.ts';
import { fillUnchanged, TupleCells } from './decode-tuple.ts';
import { keyText, sameKey } from '../values/key-text.ts';
import { readUnpublished, type UnpublishedChanges } from '../setup/lost-changes.ts';
import type { PartitionWatch } from '../relation/partition-watch.ts';
import { wordsToPosition } from './position.ts';
import type { KnownRelation, RelationTable } from '../relation/relation-table.ts';

const BEGIN = 0x42; // 'B'
const COMMIT = 0x43; // 'C'
const DELETE = 0x44; // 'D'
const INSERT = 0x49; // 'I'
const MESSAGE = 0x4d; // 'M'
const ORIGIN = 0x4f; // 'O'
const RELATION = 0x52; // 'R'
const TRUNCATE = 0x54; // 'T'
const UPDATE = 0x55; // 'U'
const TYPE = 0x59; // 'Y'

/** Lengths of messages of a fixed length, with their type byte. */
const BEGIN_LENGTH = 21;
const COMMIT_LENGTH = 26;
/** Type byte, relation, marker. */
const ROW_HEADER = 6;

/** Microseconds from 1970 to 2000, where PostgreSQL's clock begins. */
const POSTGRES_EPOCH = 946_684_800_000_000;
const WORD = 2 ** 32;
const OUTSIDE = 'a change lies outside of a transaction';
const NO_IMAGES = Buffer.alloc(0);

/** A transaction whose changes are coming. */
export interface OpenTransaction {
  readonly id: string;
  /** Of its commit. */
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly committedAt: number;
}

export interface StreamDecoderOptions {
  /** The source's name: announcements of others are passed over. */
  readonly source: string;
  readonly receiver: ChangeReceiver;
  readonly relations: RelationTable;
  /** The position up to which the receiver has everything; null for nothing. */
  readonly from: string | null;
  readonly partitions?: PartitionWatch | undefined;
  /** For what comes in the database's encoding. Default: UTF-8. */
  readonly readText?: TextReader;
}

/**
 * Decodes pgoutput, protocol version 1, and hands what it says to the receiver. Rows are not
 * decoded: their images go on as a part of the received bytes, and only the key's text is read.
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export class StreamDecoder {
  readonly #source: string;
  readonly #receiver: ChangeReceiver;
  readonly #partitions: PartitionWatch | undefined;
  readonly #relations: RelationTable;
  readonly #before = new TupleCells(bytesOf(NO_IMAGES));
  readonly #after = new TupleCells(bytesOf(NO_IMAGES));
  #state: 'between' | 'open' | 'skipping' = 'between';
  #context: string | null = null;
  /** What the open transaction says that was not published. */
  #unpublished: UnpublishedChanges[] = [];
  readonly #readText: TextReader;
  #reached: string;
  #open: OpenTransaction | null = null;

  constructor(options: StreamDecoderOptions) {
    const { source, receiver, relations, from, partitions } = options;
    this.#partitions = partitions;
    this.#source = source;
    this.#receiver = receiver;
    this.#readText = options.readText ?? textReader('UTF8');
    this.#relations = relations;
    this.#reached = from ?? '';
  }

  /** Where the last whole transaction, or the stretch without one, ended; null before the first. */
  get reached(): string | null {
    return this.#reached === '' ? null : this.#reached;
  }

  /** What is coming and has not been committed; null between transactions, and for one that is skipped. */
  get open(): OpenTransaction | null {
    return this.#state === 'open' ? this.#open : null;
  }

  /**
   * The server has read this far in its WAL. Within a transaction that says nothing of what we have,
   * and right behind one it can be a position before the transaction's end.
   */
  idle(position: string): void {
    if (this.#state !== 'between' || position <= this.#reached) return;
    this.#reached = position;
    this.#receiver.idle(position);
    this.#passed(position);
  }

  /** Ends a transaction that will not be finished. */
  abandon(): void {
    if (this.#state === 'open') this.#receiver.abandon();
    this.#state = 'between';
  }

  /**
   * One message.
   * @returns false when the catalogue has to be asked first (`RelationTable.lookUp`); the message
   *   then has to be given again, and nothing of it was handed over.
   * @throws MalformedData
   */
  message(bytes: Bytes, start: number, end: number): boolean {
    if (start >= end) throw new MalformedData('a message is empty', start);
    const type = bytes.view.getUint8(start);
    switch (type) {
      case INSERT:
      case UPDATE:
      case DELETE:
        return this.#row(type, bytes, start, end);
      case BEGIN:
        this.#begin(bytes, start, end);
        return true;
      case COMMIT:
        this.#commit(bytes, start, end);
        return true;
      case TRUNCATE:
        return this.#truncate(bytes, start, end);
      case RELATION:
        this.#relations.announce(bytes, start + 1, end);
        return true;
      case TYPE:
        this.#relations.nameType(bytes, start + 1, end);
        return true;
      case MESSAGE:
        this.#attach(bytes, start, end);
        return true;
      case ORIGIN:
        return true;
      default:
        throw new MalformedData(`a message has the unknown type 0x${type.toString(16)}`, start);
    }
  }

  #begin({ view }: Bytes, start: number, end: number): void {
    if (this.#state !== 'between') throw new MalformedData('a transaction begins twice', start);
    if (end - start !== BEGIN_LENGTH) throw new MalformedData('Begin has a wrong length', start);
    this.#context = null;
    this.#unpublished = [];
    const id = view.getUint32(start + 17);
    const position = wordsToPosition(view.getUint32(start + 1), view.getUint32(start + 5));
    const taken = this.#receiver.begin({ id: String(id), position });
    this.#relations.begin({ id, position });
    this.#open = { id: String(id), position, committedAt: timeAt(view, start + 9) };
    this.#state = taken ? 'open' : 'skipping';
  }

  #commit({ view }: Bytes, start: number, end: number): void {
    if (this.#state === 'between') throw new MalformedData('a commit without beginning', start);
    if (end - start !== COMMIT_LENGTH) throw new MalformedData('Commit has a wrong length', start);
    const reached = wordsToPosition(view.getUint32(start + 10), view.getUint32(start + 14));
    const taken = this.#state === 'open';
    this.#state = 'between';
    if (taken) {
      const committedAt = timeAt(view, start + 18);
      this.#receiver.commit({ committedAt, context: this.#context }, reached);
      for (const each of this.#unpublished) {
        this.#receiver.lost({ ...each, to: reached, at: committedAt });
      }
    }
    this.#passed(reached);
    if (reached > this.#reached) this.#reached = reached;
  }

  #row(type: number, bytes: Bytes, start: number, end: number): boolean {
    if (this.#state === 'skipping') return true;
    if (this.#state === 'between') throw new MalformedData(OUTSIDE, start);
    if (end - start < ROW_HEADER) throw new MalformedData('a change is cut off', start);
    const relation = this.#relations.find(bytes.view.getUint32(start + 1), start);
    if (relation === null) return false;
    if (type === INSERT) this.#insert(relation, bytes, start, end);
    else if (type === UPDATE) this.#update(relation, bytes, start, end);
    else this.#delete(relation, bytes, start, end);
    return true;
  }

  #insert(relation: KnownRelation, bytes: Bytes, start: number, end: number): void {
    const at = start + ROW_HEADER - 1;
    this.#readNew(relation, bytes, at, end);
    this.#receiver.change({
      table: relation.table,
      operation: 'insert',
      key: keyText(relation.key, this.#after, null),
      previousKey: null,
      images: bytes.buffer.subarray(at, end),
    });
  }

  #update(relation: KnownRelation, bytes: Bytes, start: number, end: number): void {
    const { key } = relation;
    const at = start + ROW_HEADER - 1;
    const before = isOld(bytes.view.getUint8(at)) ? this.#before : null;
    const behind = before === null ? at : this.#readOld(relation, bytes, at, end);
    this.#readNew(relation, bytes, behind, end);
    const moved = before !== null && !sameKey(key, before, this.#after);
    this.#receiver.change({
      table: relation.table,
      operation: 'update',
      key: keyText(key, this.#after, before),
      previousKey: moved ? keyText(key, before, null) : null,
      images: this.#updateImages(relation, bytes, at, end),
    });
  }

  #delete(relation: KnownRelation, bytes: Bytes, start: number, end: number): void {
    const at = start + ROW_HEADER - 1;
    const behind = this.#readOld(relation, bytes, at, end);
    if (behind !== end) throw new MalformedData('a delete goes on after its end', behind);
    this.#receiver.change({
      table: relation.table,
      operation: 'delete',
      key: keyText(relation.key, this.#before, null),
      previousKey: null,
      images: oldImages(relation, bytes, at, end),
    });
  }

  /** @returns the index behind the old row. */
  #readOld(relation: KnownRelation, bytes: Bytes, at: number, end: number): number {
    if (!isOld(bytes.view.getUint8(at))) throw new MalformedData('an old row is missing', at);
    return this.#before.read(bytes, at + 1, end, relation.columns);
  }

  #readNew(relation: KnownRelation, bytes: Bytes, at: number, end: number): void {
    if (at >= end || bytes.view.getUint8(at) !== MARKER_NEW) {
      throw new MalformedData('a new row is missing', at);
    }
    const behind = this.#after.read(bytes, at + 1, end, relation.columns);
    if (behind !== end) throw new MalformedData('a change goes on after its end', behind);
  }

  #updateImages(relation: KnownRelation, bytes: Bytes, at: number, end: number): Buffer {
    const whole = relation.wholeOldRows && bytes.view.getUint8(at) === MARKER_OLD;
    if (whole && this.#after.unchanged > 0) {
      return fillUnchanged(this.#before, this.#after, relation.columns);
    }
    return oldImages(relation, bytes, at, end);
  }

  /** One change per table: the server truncated them together. */
  #truncate(bytes: Bytes, start: number, end: number): boolean {
    if (this.#state === 'skipping') return true;
    if (this.#state === 'between') throw new MalformedData(OUTSIDE, start);
    const fields = new FieldReader(bytes, start + 1, end);
    const count = fields.uint32();
    fields.skip(1);
    const tables: number[] = [];
    for (let left = count; left > 0; left--) {
      const relation = this.#relations.find(fields.uint32(), start);
      if (relation === null) return false;
      tables.push(relation.table);
    }
    fields.finish();
    for (const table of tables) {
      this.#receiver.change({
        table,
        operation: 'truncate',
        key: null,
        previousKey: null,
        images: NO_IMAGES,
      });
    }
    return true;
  }

  #attach(bytes: Bytes, start: number, end: number): void {
    const message = { bytes, start: start + 1, end };
    const announcement = readAnnouncement(message, this.#readText);
    if (announcement !== null) {
      this.#announced(announcement);
      return;
    }
    if (this.#state === 'skipping') return;
    const unpublished = readUnpublished(message, this.#source, this.#readText);
    if (unpublished !== null) this.#unpublished.push(unpublished);
    const text = readContext(message, this.#readText);
    if (text !== null && this.#state === 'open') this.#context = addContext(this.#context, text);
  }

  /** The open transaction has changed relations, and may have brought or taken partitions. */
  #announced({ source, position, relations, marks, at = 0 }: AnnouncementMessage): void {
    if (source !== this.#source) return;
    this.#relations.change(relations, position);
    if (this.#state !== 'open') return;
    for (const announced of marks) {
      const mark = toMark(announced);
      if (announced.exact === false) {
        this.#partitions?.noteLate(mark, at);
        continue;
      }
      const told = this.#partitions === undefined ? mark : this.#partitions.note(mark);
      if (told !== null) this.#receiver.mark(told);
    }
  }

  /** Between transactions: what was found by comparing comes to light when the stream is past it. */
  #passed(position: string): void {
    for (const { mark, found } of this.#partitions?.passed(position) ?? []) {
      this.#receiver.mark(mark, found);
    }
  }
}

/**
 * The images as received, except that an old row which may be only a key is marked as one: its nulls
 * stand for what the server did not say, and a key image's other cells mean nothing.
 */
function oldImages(relation: KnownRelation, bytes: Bytes, at: number, end: number): Buffer {
  const images = bytes.buffer.subarray(at, end);
  if (relation.wholeOldRows || images[0] !== MARKER_OLD) return images;
  const marked = Buffer.from(images);
  marked[0] = MARKER_KEY;
  return marked;
}

function isOld(marker: number): boolean {
  return marker === MARKER_OLD || marker === MARKER_KEY;
}

/** Microseconds since 1970 of a time of PostgreSQL's. */
function timeAt(view: DataView, at: number): number {
  return view.getInt32(at) * WORD + view.getUint32(at + 4) + POSTGRES_EPOCH;
}
