/** How often what came out. */
export class Statistics {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  get(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** How often anything that begins so. */
  total(prefix: string): number {
    let all = 0;
    for (const [name, count] of this.#counts) if (name.startsWith(prefix)) all += count;
    return all;
  }

  toString(): string {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${String(Math.round(count)).padStart(7)}  ${name}`)
      .join('\n');
  }
}
