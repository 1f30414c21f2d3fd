/** Rows that may be there several times, by their text. */
export class Bag {
  readonly #counts = new Map<string, number>();

  constructor(rows: Iterable<string> = []) {
    for (const row of rows) this.add(row);
  }

  add(row: string, count = 1): void {
    const now = (this.#counts.get(row) ?? 0) + count;
    if (now === 0) this.#counts.delete(row);
    else this.#counts.set(row, now);
  }

  /** True, and one fewer is there, when there was one. */
  take(row: string): boolean {
    if ((this.#counts.get(row) ?? 0) <= 0) return false;
    this.add(row, -1);
    return true;
  }

  count(row: string): number {
    return this.#counts.get(row) ?? 0;
  }

  /** What has to be added (or, below zero, taken away) to become the other. */
  differenceTo(other: Bag): Bag {
    const difference = new Bag();
    for (const [row, count] of other.#counts) difference.add(row, count);
    for (const [row, count] of this.#counts) difference.add(row, -count);
    return difference;
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  entries(): Iterable<[row: string, count: number]> {
    return this.#counts.entries();
  }

  /** A few of them, for a message. */
  toString(): string {
    const entries = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    const shown = entries
      .slice(0, 8)
      .map(([row, count]) => `${count > 0 ? '+' : ''}${count} ${row}`);
    return [...shown, ...(entries.length > 8 ? [`… ${entries.length - 8} more`] : [])].join(
      '\n    ',
    );
  }
}
