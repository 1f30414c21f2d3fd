interface Due<Value> {
  readonly at: number;
  readonly value: Value;
}

/** What is due at a time, earliest first: a binary heap. */
export class DueQueue<Value> {
  readonly #heap: Due<Value>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest is due; null when there is none. */
  get next(): number | null {
    return this.#heap[0]?.at ?? null;
  }

  add(at: number, value: Value): void {
    const heap = this.#heap;
    const entry = { at, value };
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Takes out the earliest if it is due by now; undefined otherwise. */
  take(now: number): Value | undefined {
    const heap = this.#heap;
    const [first] = heap;
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first.value;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sink(entry: Due<Value>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right.at < left.at) child += 1;
      const smaller = heap[child] ?? left;
      if (smaller.at >= entry.at) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = entry;
  }
}
