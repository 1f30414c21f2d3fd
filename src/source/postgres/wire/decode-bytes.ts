/** Bytes that are read in place, with a view on the same memory for numbers. */
export interface Bytes {
  readonly buffer: Buffer;
  readonly view: DataView;
}

export function bytesOf(buffer: Buffer): Bytes {
  return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) };
}

/**
 * What arrived breaks the protocol. It never leaves this folder: the stream ends with the
 * TidingsError `PROTOCOL_ERROR`, whose position counts from the stream's first byte.
 */
export class MalformedData extends Error {
  override readonly name = 'MalformedData';
  /** Where, as an index into the bytes being read. */
  readonly at: number;

  constructor(problem: string, at: number) {
    super(problem);
    this.at = at;
  }
}

/** Reads fields one after the other, never beyond `end`. For what is rare: rows have `TupleCells`. */
export class FieldReader {
  readonly #bytes: Bytes;
  readonly #end: number;
  at: number;

  constructor(bytes: Bytes, start: number, end: number) {
    this.#bytes = bytes;
    this.#end = end;
    this.at = start;
  }

  uint8(): number {
    return this.#bytes.view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.view.getUint16(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.view.getUint32(this.#take(4));
  }

  int32(): number {
    return this.#bytes.view.getInt32(this.#take(4));
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** The next bytes, not copied. */
  take(count: number): Buffer {
    const start = this.#take(count);
    return this.#bytes.buffer.subarray(start, start + count);
  }

  /** UTF-8 text up to a zero byte. */
  text(): string {
    return this.rawText().toString('utf8');
  }

  /** The bytes of text up to a zero byte, not copied. */
  rawText(): Buffer {
    const { buffer } = this.#bytes;
    const zero = buffer.indexOf(0, this.at);
    if (zero === -1 || zero >= this.#end) throw new MalformedData('a name does not end', this.at);
    const text = buffer.subarray(this.at, zero);
    this.at = zero + 1;
    return text;
  }

  /** @throws MalformedData when something is left. */
  finish(): void {
    if (this.at === this.#end) return;
    throw new MalformedData(`a message goes on after its end`, this.at);
  }

  #take(count: number): number {
    const start = this.at;
    if (start + count > this.#end) throw new MalformedData('a message is cut off', start);
    this.at = start + count;
    return start;
  }
}
