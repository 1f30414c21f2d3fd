/** First in, first out, in constant time; an array's `shift` is linear once the array is large. */
export class Fifo<Value> {
  #values: (Value | undefined)[] = [];
  #first = 0;

  get size(): number {
    return this.#values.length - this.#first;
  }

  push(value: Value): void {
    this.#values.push(value);
  }

  shift(): Value | undefined {
    const value = this.#values[this.#first];
    if (value === undefined) return undefined;
    this.#values[this.#first] = undefined;
    this.#first += 1;
    if (this.#first === this.#values.length) this.clear();
    else if (this.#first >= 1_024 && this.#first * 2 >= this.#values.length) {
      this.#values = this.#values.slice(this.#first);
      this.#first = 0;
    }
    return value;
  }

  clear(): void {
    this.#values = [];
    this.#first = 0;
  }
}
