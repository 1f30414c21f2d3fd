import { CELL_TEXT, MARKER_NEW, MARKER_OLD } from '../../../change/row-images.ts';
import { CopyText } from './copy-text.ts';

/** Rows for COPY, each a number and the kept cells of one image. */
export class CopyRows extends CopyText {
  /** Per cell of the image whether it is a column of the rows. */
  readonly #kept: readonly boolean[];

  constructor(kept: readonly boolean[]) {
    super();
    this.#kept = kept;
  }

  /**
   * Adds a row.
   * @param at where the image's tuple begins, behind its marker.
   * @returns where the tuple ends.
   */
  add(number: number, image: Buffer, at: number): number {
    this.begin(number);
    let next = at + 2;
    const count = image.readUInt16BE(at);
    for (let index = 0; index < count; index++) {
      const start = next;
      next += image[next] === CELL_TEXT ? 5 + image.readUInt32BE(next + 1) : 1;
      if (this.#kept[index] === true) this.addCell(image, start, next);
    }
    this.end();
    return next;
  }
}

/** Where the tuple that begins at `at` ends. */
export function tupleEnd(image: Buffer, at: number): number {
  let next = at + 2;
  for (let left = image.readUInt16BE(at); left > 0; left--) {
    next += image[next] === CELL_TEXT ? 5 + image.readUInt32BE(next + 1) : 1;
  }
  return next;
}

/** Whether the images are an old row and a new one. */
export function isUpdate(images: Buffer): boolean {
  if (images[0] !== MARKER_OLD) return false;
  const end = tupleEnd(images, 1);
  return images[end] === MARKER_NEW;
}
