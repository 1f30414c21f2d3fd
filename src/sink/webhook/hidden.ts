/** Shorter words are no secrets, and hiding them would make answers unreadable. */
const SHORTEST = 8;

/**
 * Values that are shown to nobody: receivers send back what they got, and an answer is kept and shown
 * to people who may not see the configuration.
 */
export class Hidden {
  readonly #words: readonly string[];

  /** @param values of headers and the like; each of their words counts alone too (`Bearer …`). */
  constructor(values: readonly string[]) {
    const words = values.flatMap((value) => [value, ...value.split(/[\s;,=]+/)]);
    const long = new Set(words.filter((word) => word.length >= SHORTEST));
    // The longest first: one may be the beginning of another.
    this.#words = [...long].toSorted((left, right) => right.length - left.length);
  }

  /** The text with each of the values as `…`. */
  from(text: string): string {
    return this.#words.reduce((rest, word) => rest.replaceAll(word, '…'), text);
  }
}
