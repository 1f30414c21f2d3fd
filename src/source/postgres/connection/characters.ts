import { NO_TEXT } from './connection-error.ts';
import type { CatalogQuery } from '../relation/relation-types.ts';
import { sqlState } from './source-error.ts';

/** Bytes of a character by its first byte. */
type LengthRule = (first: number) => number;

const SINGLE: LengthRule = () => 1;
const EUC: LengthRule = (first) => (first < 0x80 ? 1 : first === 0x8f ? 3 : 2);
/** Of encodings whose characters are not all of one byte. https://www.postgresql.org/docs/current/multibyte.html */
const LENGTHS: Readonly<Record<string, LengthRule>> = {
  EUC_CN: (first) => (first < 0x80 ? 1 : 2),
  EUC_KR: EUC,
  EUC_JP: EUC,
  EUC_JIS_2004: EUC,
  JOHAB: EUC,
  EUC_TW: (first) => (first === 0x8e ? 4 : EUC(first)),
};

/**
 * What the bytes of a database's encoding are in UTF-8, as its own server says. The names of encodings
 * have other tables elsewhere: 0x81 is a control character to the Encoding Standard's windows-1252 and
 * nothing to WIN1252, its gbk has 4,000 characters more than EUC_CN, and no € where EUC_KR has one
 * (PostgreSQL 18). So each character is asked for when it first comes, and known from then on.
 */
export class Characters {
  readonly #encoding: string;
  readonly #length: LengthRule;
  readonly #known = new Map<number, string | null>();
  readonly #wanted = new Set<number>();

  /** @param encoding as `server_encoding` says it; neither UTF8 nor SQL_ASCII. */
  constructor(encoding: string) {
    this.#encoding = encoding;
    this.#length = LENGTHS[encoding] ?? SINGLE;
  }

  /** @returns null where a byte has no meaning; undefined when {@link lookUp} has to run first. */
  read(bytes: Buffer): string | null | undefined {
    let text = '';
    let meaning = true;
    let complete = true;
    for (let at = 0; at < bytes.length;) {
      const length = this.#length(bytes[at] ?? 0);
      if (at + length > bytes.length) return null;
      const code = bytes.readUIntBE(at, length);
      at += length;
      const known = code < 0x80 ? String.fromCharCode(code) : this.#known.get(code);
      if (known === undefined) {
        this.#wanted.add(code);
        complete = false;
      } else if (known === null) meaning = false;
      else text += known;
    }
    if (!meaning) return null;
    return complete ? text : undefined;
  }

  get incomplete(): boolean {
    return this.#wanted.size > 0;
  }

  /** Asks the server for the characters that were met and are not known. */
  async lookUp(query: CatalogQuery, signal: AbortSignal): Promise<void> {
    await this.#ask([...this.#wanted], query, signal);
    if (!signal.aborted) this.#wanted.clear();
  }

  /** The server refuses all of them for one without a meaning: then each half is asked for by itself. */
  async #ask(codes: readonly number[], query: CatalogQuery, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      const values = [codes.map(bytesOfCode), this.#encoding];
      const rows = (await query({ name: 'tidings characters', text: CONVERT, values }, signal)) as {
        readonly text: Buffer;
      }[];
      for (const [index, code] of codes.entries()) {
        this.#known.set(code, rows[index]?.text.toString('utf8') ?? null);
      }
    } catch (error) {
      if (!NO_TEXT.has(sqlState(error) ?? '')) throw error;
      const [only] = codes;
      if (codes.length === 1 && only !== undefined) {
        this.#known.set(only, null);
        return;
      }
      const middle = codes.length >> 1;
      await this.#ask(codes.slice(0, middle), query, signal);
      await this.#ask(codes.slice(middle), query, signal);
    }
  }
}

const CONVERT = `SELECT convert(c.bytes, $2::name, 'UTF8') AS text
  FROM unnest($1::bytea[]) WITH ORDINALITY AS c (bytes, place) ORDER BY c.place`;

function bytesOfCode(code: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(code);
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}
