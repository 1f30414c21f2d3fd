import { type Bytes, bytesOf, MalformedData } from './decode-bytes.ts';

/**
 * Takes the frames of PostgreSQL's protocol: a type byte, the length of the rest (which counts
 * itself), the body. https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export interface FrameHandler {
  /**
   * One whole frame, its body at `start` to `end`. The bytes are reused after the call.
   * @returns false when it cannot be taken now: reading stops, and the frame is offered again.
   */
  frame(type: number, body: Bytes, start: number, end: number): boolean;
}

const HEADER = 5;
/** The length field counts its own four bytes. */
const LENGTH = 4;
/**
 * PostgreSQL builds every message in a buffer of less than 1 GiB (MaxAllocSize). A larger length is
 * not one of its frames, and trusting it would fill the memory with what never ends.
 */
const MAX_FRAME = 2 ** 30 + HEADER;
/** A split frame's memory is kept for the next one up to this size. */
const KEPT = 64 * 1024;
/**
 * From here on a split frame gets all of the memory that its length promises: the system gives it
 * only as it is written to, and by then enough has arrived to believe the length.
 */
const WHOLE = 16 * 1024 * 1024;

/**
 * Cuts chunks, as they come from a socket, into frames. Frames are read in place; only one that
 * arrives in several chunks is copied, once, into memory that grows with what has arrived of it and
 * not with what its length promises.
 */
export class FrameReader {
  #chunk: Bytes | null = null;
  #at = 0;
  /** Where the frame at `#at`, or the split frame, begins, counted from the stream's first byte. */
  #position = 0;
  #split: Bytes = bytesOf(Buffer.allocUnsafe(KEPT));
  #splitLength = 0;

  /** True when whole frames may be left to read, because the handler refused one. */
  get unread(): boolean {
    return this.#chunk !== null;
  }

  /** Adds what arrived. All that came before has to be read by then. */
  push(chunk: Buffer): void {
    if (this.#chunk !== null) throw new Error('A chunk came before the last one was read');
    this.#chunk = bytesOf(chunk);
    this.#at = 0;
  }

  /**
   * Hands over all whole frames.
   * @returns false when the handler refused one; the next call goes on with it.
   * @throws MalformedData with a position counted from the stream's first byte.
   */
  read(handler: FrameHandler): boolean {
    const chunk = this.#chunk;
    if (chunk === null) return true;
    if (this.#splitLength > 0) {
      if (!this.#collect(chunk)) {
        this.#chunk = null;
        return true;
      }
      if (!this.#readSplit(handler)) return false;
    }
    if (!this.#readChunk(handler, chunk)) return false;
    if (this.#at < chunk.buffer.length) this.#collect(chunk);
    this.#chunk = null;
    return true;
  }

  #readChunk(handler: FrameHandler, chunk: Bytes): boolean {
    const { view } = chunk;
    const length = view.byteLength;
    let at = this.#at;
    while (at + HEADER <= length) {
      const end = at + 1 + this.#frameLength(view, at);
      if (end > length) break;
      this.#at = at;
      if (!this.#offer(handler, chunk, at, end)) return false;
      this.#position += end - at;
      at = end;
    }
    this.#at = at;
    return true;
  }

  #readSplit(handler: FrameHandler): boolean {
    const length = this.#splitLength;
    if (!this.#offer(handler, this.#split, 0, length)) return false;
    this.#position += length;
    this.#splitLength = 0;
    if (this.#split.buffer.length > KEPT) this.#split = bytesOf(Buffer.allocUnsafe(KEPT));
    return true;
  }

  #offer(handler: FrameHandler, bytes: Bytes, at: number, end: number): boolean {
    try {
      return handler.frame(bytes.view.getUint8(at), bytes, at + HEADER, end);
    } catch (error) {
      if (!(error instanceof MalformedData)) throw error;
      throw new MalformedData(error.message, this.#position + error.at - at);
    }
  }

  #frameLength(view: DataView, at: number): number {
    const length = view.getUint32(at + 1);
    if (length < LENGTH || length > MAX_FRAME) {
      throw new MalformedData(`a frame of ${length} bytes is announced`, this.#position + 1);
    }
    return length;
  }

  /** Moves bytes of the chunk to the split frame; true when it is whole. */
  #collect(chunk: Bytes): boolean {
    if (this.#splitLength < HEADER && !this.#collectUpTo(chunk, HEADER)) return false;
    return this.#collectUpTo(chunk, 1 + this.#frameLength(this.#split.view, 0));
  }

  #collectUpTo({ buffer }: Bytes, wanted: number): boolean {
    const count = Math.min(wanted - this.#splitLength, buffer.length - this.#at);
    const length = this.#splitLength + count;
    if (length > this.#split.buffer.length) this.#grow(wanted, length);
    buffer.copy(this.#split.buffer, this.#splitLength, this.#at, this.#at + count);
    this.#splitLength = length;
    this.#at += count;
    return length === wanted;
  }

  #grow(wanted: number, needed: number): void {
    const grown = Math.max(needed, 2 * this.#splitLength);
    // Of a large value half would be there twice while it is moved.
    const length = grown > WHOLE ? wanted : Math.min(wanted, grown);
    const larger = Buffer.allocUnsafe(length);
    this.#split.buffer.copy(larger, 0, 0, this.#splitLength);
    this.#split = bytesOf(larger);
  }
}
