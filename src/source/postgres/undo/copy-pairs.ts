import { CELL_TEXT } from '../../../change/row-images.ts';
import { CopyText } from './copy-text.ts';

/**
 * Updates for COPY, one row each: a number, the kept cells of the new row, then the old ones of those
 * columns that some update has changed. What an update leaves as it was is sent once.
 */
export class CopyPairs extends CopyText {
  /** Which cells of an image are columns of the rows. */
  readonly #kept: readonly number[];
  /** Those of them that some update has changed, and the others. */
  #changed: readonly number[] = [];
  #same: readonly number[];
  /** The two images at hand. */
  readonly #old: Cells;
  readonly #new: Cells;

  constructor(kept: readonly boolean[]) {
    super();
    this.#kept = kept.flatMap((is, index) => (is ? [index] : []));
    this.#same = this.#kept;
    this.#old = new Cells(kept.length);
    this.#new = new Cells(kept.length);
  }

  /** Lets these cells differ, too: from here on a row has the old ones as well. */
  widen(more: ReadonlySet<number>): void {
    const is = (cell: number): boolean => more.has(cell) || this.#changed.includes(cell);
    this.#changed = this.#kept.filter(is);
    this.#same = this.#kept.filter((cell) => !is(cell));
  }

  /**
   * Adds the two images of an update.
   * @returns the cells that differ and must not: then nothing was added.
   */
  add(number: number, images: Buffer): readonly number[] {
    const [before, after] = [this.#old, this.#new];
    after.read(images, before.read(images, 1) + 1);
    let more = NONE;
    for (const index of this.#same) {
      if (!isSameCell(images, before, after, index)) more = [...more, index];
    }
    if (more !== NONE) return more;
    this.begin(number);
    for (const index of this.#kept) this.#addCell(images, after, index);
    for (const index of this.#changed) this.#addCell(images, before, index);
    this.end();
    return NONE;
  }

  #addCell(images: Buffer, { kinds, starts, lengths }: Cells, index: number): void {
    this.addCell(kinds[index], images, starts[index] ?? 0, lengths[index] ?? 0);
  }
}

const NONE: readonly number[] = [];

/** Where the cells of one image are. */
class Cells {
  readonly kinds: Uint8Array;
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;

  constructor(count: number) {
    this.kinds = new Uint8Array(count);
    this.starts = new Uint32Array(count);
    this.lengths = new Uint32Array(count);
  }

  /**
   * @param at where the image's tuple begins, behind its marker.
   * @returns where it ends.
   */
  read(images: Buffer, at: number): number {
    const count = images.readUInt16BE(at);
    let next = at + 2;
    for (let index = 0; index < count; index++) {
      const kind = images[next] ?? 0;
      const length = kind === CELL_TEXT ? images.readUInt32BE(next + 1) : 0;
      next += kind === CELL_TEXT ? 5 : 1;
      this.kinds[index] = kind;
      this.starts[index] = next;
      this.lengths[index] = length;
      next += length;
    }
    return next;
  }
}

/** Whether both images have the same bytes there. */
function isSameCell(images: Buffer, one: Cells, other: Cells, index: number): boolean {
  const length = one.lengths[index] ?? 0;
  if (one.kinds[index] !== other.kinds[index] || length !== other.lengths[index]) return false;
  const [left, right] = [one.starts[index] ?? 0, other.starts[index] ?? 0];
  for (let at = 0; at < length; at++) {
    if (images[left + at] !== images[right + at]) return false;
  }
  return true;
}
