/** Bytes of an answer that are read at most; beyond them the connection is given up. */
export const MAX_ANSWER = 64 << 10;
/** Characters of an answer that are kept. */
const MAX_EXCERPT = 1_000;
/** Four bytes at most make one character. */
const MAX_KEPT = 4 * MAX_EXCERPT;

/** Collects the beginning of an answer's body, and counts the rest. */
export class Excerpt {
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #size = 0;

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
    const text = new TextDecoder().decode(Buffer.concat(this.#chunks));
    const shown = text.replace(/[^\P{C}\n\t]/gu, '\ufffd').trim();
    return shown.length <= MAX_EXCERPT ? shown : `${shown.slice(0, MAX_EXCERPT)}…`;
  }
}
