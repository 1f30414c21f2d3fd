const UNITS = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** A number of bytes: a number, or text such as `'256MB'` (10^6) or `'1GiB'` (2^30). */
export type Size = number | `${number}${keyof typeof UNITS}`;

const SIZE = /^(\d+(?:\.\d+)?)([kKMGT]?i?B)$/;

/**
 * Reads a {@link Size}.
 * @returns whole bytes, or null when it is none (or no whole number of them).
 */
export function parseSize(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const match = typeof value === 'string' ? SIZE.exec(value) : null;
  const unit = match?.[2];
  if (match === null || unit === undefined || !isUnit(unit)) return null;
  const bytes = Number((Number(match[1]) * UNITS[unit]).toFixed(6));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

function isUnit(text: string): text is keyof typeof UNITS {
  return Object.hasOwn(UNITS, text);
}
