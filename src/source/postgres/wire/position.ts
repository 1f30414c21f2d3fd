/**
 * Positions of a PostgreSQL source: the log sequence number (LSN) as 16 upper-case hexadecimal
 * digits, so that positions sort as text the way LSNs sort as numbers. PostgreSQL's own form,
 * `16/B374D848`, does not.
 */
const POSITION = /^[0-9A-F]{16}$/;
const LSN = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;

/**
 * @param lsn as PostgreSQL prints it: `16/B374D848`.
 * @throws RangeError when the text is no LSN.
 */
export function lsnToPosition(lsn: string): string {
  const match = LSN.exec(lsn);
  if (match === null) throw new RangeError(`${JSON.stringify(lsn)} is no LSN`);
  const [, high = '', low = ''] = match;
  return (high.padStart(8, '0') + low.padStart(8, '0')).toUpperCase();
}

/**
 * The inverse of {@link lsnToPosition}: `16/B374D848`.
 * @throws RangeError when the text is no position.
 */
export function positionToLsn(position: string): string {
  const [high, low] = positionToWords(position);
  return `${high.toString(16)}/${low.toString(16)}`.toUpperCase();
}

/** The upper and lower 32 bits of a position, for messages to the server. */
export function positionToWords(position: string): readonly [high: number, low: number] {
  if (!POSITION.test(position)) throw new RangeError(`${JSON.stringify(position)} is no position`);
  return [Number.parseInt(position.slice(0, 8), 16), Number.parseInt(position.slice(8), 16)];
}

let lastHigh = 0;
let lastHighDigits = '00000000';

/** A position from the two halves of an LSN, as messages from the server hold it. */
export function wordsToPosition(high: number, low: number): string {
  // The upper half changes once in 4 GiB of WAL, and every transaction makes two positions.
  if (high !== lastHigh) {
    lastHigh = high;
    lastHighDigits = digits(high);
  }
  return lastHighDigits + digits(low);
}

function digits(word: number): string {
  return word.toString(16).toUpperCase().padStart(8, '0');
}

/**
 * The next byte. Behind the position of a commit it is one before which the server leaves out that
 * transaction and no other: a commit is a record of some bytes, so that none begins there.
 */
export function nextPosition(position: string): string {
  return (BigInt(`0x${position}`) + 1n).toString(16).toUpperCase().padStart(16, '0');
}
