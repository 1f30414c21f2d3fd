import { CELL_TEXT } from '../../../change/row-images.ts';
import { CopyText } from './copy-text.ts';

/**
 * Updates for COPY, one row each: a number, the kept cells of the new row, then the old ones of those
 * columns that some update has changed. What an update leaves as it was is sent once.
 */
export class CopyPairs extends CopyText {
  /** Which cells of an image are columns of the rows. */
  readonly #kept: readonly number[];
  /** Those of them that some update has changed. */
  #changed: readonly number[] = [];
  /** Per cell 1 when no update has changed it. */
  readonly #isFixed: Uint8Array;
  /** Where the cells of the two images begin, and the last one ends. */
  readonly #old: Uint32Array;
  readonly #new: Uint32Array;

  constructor(kept: readonly boolean[]) {
    super();
    this.#kept = kept.flatMap((is, index) => (is ? [index] : []));
    this.#isFixed = new Uint8Array(kept.length).fill(1);
    this.#old = new Uint32Array(kept.length + 1);
    this.#new = new Uint32Array(kept.length + 1);
  }

  /** Lets these cells differ, too: from here on a row has the old ones as well. */
  widen(more: ReadonlySet<number>): void {
    const is = (cell: number): boolean => more.has(cell) || this.#changed.includes(cell);
    this.#changed = this.#kept.filter(is);
    for (const cell of this.#changed) this.#isFixed[cell] = 0;
  }

  /**
   * Adds the two images of an update.
   * @returns the cells that differ and must not: then nothing was added.
   */
  add(number: number, images: Buffer): readonly number[] {
    const [before, after] = [this.#old, this.#new];
    findCells(after, images, findCells(before, images, 1) + 1);
    this.begin(number);
    let more = NONE;
    for (const index of this.#kept) {
      const [start, end] = [after[index] ?? 0, after[index + 1] ?? 0];
      const isSame = this.addCell(images, start, end, before[index] ?? 0);
      if (!isSame && this.#isFixed[index] === 1) more = [...more, index];
    }
    if (more !== NONE) {
      this.drop();
      return more;
    }
    for (const index of this.#changed) {
      this.addCell(images, before[index] ?? 0, before[index + 1] ?? 0);
    }
    this.end();
    return NONE;
  }
}

const NONE: readonly number[] = [];

/**
 * @param at where the image's tuple begins, behind its marker.
 * @returns where it ends.
 */
function findCells(starts: Uint32Array, images: Buffer, at: number): number {
  const count = images.readUInt16BE(at);
  let next = at + 2;
  for (let index = 0; index < count; index++) {
    starts[index] = next;
    next += images[next] === CELL_TEXT ? 5 + images.readUInt32BE(next + 1) : 1;
  }
  starts[count] = next;
  return next;
}
