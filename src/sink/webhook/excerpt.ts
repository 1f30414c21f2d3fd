import type { Hidden } from './hidden.ts';

/** Bytes of an answer that are read at most; beyond them the connection is given up. */
export const MAX_ANSWER = 64 << 10;
/** Characters of an answer that are kept. */
const MAX_EXCERPT = 1_000;
/** Four bytes at most make one character. */
const MAX_KEPT = 4 * MAX_EXCERPT;

/** Collects the beginning of an answer's body, and counts the rest. */
export class Excerpt {
  readonly #hidden: Hidden;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #size = 0;

  /** @param hidden what a receiver may have sent back and nobody shall read. */
  constructor(hidden: Hidden) {
    this.#hidden = hidden;
  }

  add(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#kept >= MAX_KEPT) return;
    // A copy: the chunk is part of a larger buffer, which would stay in memory with it.
    const kept = Buffer.from(chunk.subarray(0, MAX_KEPT - this.#kept));
    this.#chunks.push(kept);
    this.#kept += kept.length;
  }

  get tooLong(): boolean {
    return this.#size > MAX_ANSWER;
  }

  /** Text that a terminal can show: what controls it is replaced. */
  get text(): string {
    // Before anything is cut off, which could leave the half of what is to be hidden.
    const text = this.#hidden.from(new TextDecoder().decode(Buffer.concat(this.#chunks)));
    const shown = text
      .replaceAll('\r\n', '\n')
      .replace(/[^\P{C}\n\t]/gu, '\ufffd')
      .trim();
    if (shown.length <= MAX_EXCERPT) return shown;
    // A character of two code units is not cut in two.
    return `${shown.slice(0, MAX_EXCERPT).replace(/[\ud800-\udbff]$/, '')}…`;
  }
}
