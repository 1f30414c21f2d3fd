import { isAscii, isUtf8 } from 'node:buffer';
import { Characters } from '../connection/characters.ts';
import type { CatalogQuery } from '../relation/relation-types.ts';

/** In these a text is passed on as the bytes that it is, and only some of them are UTF-8. */
const WITHOUT_TABLE = new Set(['SQL_ASCII', 'UTF8']);

/** Reads texts in the database's own encoding, strictly: what has no meaning is noticed. */
export class RawText {
  readonly #characters: Characters | null;

  /** @param encoding as `server_encoding` says it. */
  constructor(encoding: string) {
    this.#characters = WITHOUT_TABLE.has(encoding) ? null : new Characters(encoding);
  }

  /**
   * The same text in UTF-8.
   * @returns null where bytes have no meaning; undefined when {@link lookUp} has to run first.
   */
  toUtf8(bytes: Buffer): Buffer | null | undefined {
    if (isAscii(bytes)) return bytes;
    if (this.#characters === null) return isUtf8(bytes) ? bytes : null;
    const text = this.#characters.read(bytes);
    return typeof text === 'string' ? Buffer.from(text) : text;
  }

  /**
   * A name in UTF-8, always: a table without one could not be spoken of. Bytes without a meaning are
   * written as `\x81`, also those beside them that are not ASCII, because nothing says where one ends.
   */
  nameToUtf8(bytes: Buffer): Buffer | undefined {
    const text = this.toUtf8(bytes);
    if (text !== null) return text;
    const shown = [...bytes].map((byte) =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`,
    );
    return Buffer.from(shown.join(''));
  }

  get incomplete(): boolean {
    return this.#characters?.incomplete === true;
  }

  async lookUp(query: CatalogQuery, signal: AbortSignal): Promise<void> {
    await this.#characters?.lookUp(query, signal);
  }
}
