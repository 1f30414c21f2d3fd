/**
 * Decisions read off a list of numbers. Fewer and smaller numbers are simpler decisions, which is what
 * lets fast-check shrink a case: 0 always means the first, plainest possibility. Where the list ends,
 * numbers are made up from its last one: an empty list decides for the plainest throughout.
 */
export class Choices {
  readonly #numbers: readonly number[];
  #next = 0;
  #made: number | null = null;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** A number from 0 to before the bound; 0 once the list is used up. */
  below(bound: number): number {
    const number = this.#numbers[this.#next++] ?? this.#more();
    return bound <= 1 ? 0 : number % bound;
  }

  /** A linear congruential generator; its low bits are poor, so they are left out. */
  #more(): number {
    this.#made ??= this.#numbers.at(-1) ?? 0;
    if (this.#made === 0) return 0;
    this.#made = (Math.imul(this.#made, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#made >>> 8;
  }

  /** True once in so many times, never for 0. */
  once(times: number): boolean {
    return this.below(times) === times - 1;
  }

  one<Value>(list: readonly Value[]): Value {
    const value = list[this.below(list.length)];
    if (value === undefined) throw new RangeError('There is nothing to choose from');
    return value;
  }

  oneOf<Value>(list: readonly Value[]): Value | null {
    return list.length === 0 ? null : this.one(list);
  }

  /** Between so many and so many of the list, without repetition. */
  some<Value>(list: readonly Value[], least: number, most: number): readonly Value[] {
    const rest = [...list];
    const chosen: Value[] = [];
    const wanted = Math.min(least + this.below(most - least + 1), rest.length);
    while (chosen.length < wanted) chosen.push(...rest.splice(this.below(rest.length), 1));
    return chosen;
  }
}
