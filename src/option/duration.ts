const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time: milliseconds as a number, or text such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${keyof typeof UNITS}`;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Reads a {@link Duration}.
 * @returns whole milliseconds, or null when it is none (or no whole number of them).
 */
export function parseDuration(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const match = typeof value === 'string' ? DURATION.exec(value) : null;
  if (match === null) return null;
  const unit = match[2] as keyof typeof UNITS;
  // Through decimal places first: 0.29 * 1000 is 290.00000000000006 in binary.
  const milliseconds = Number((Number(match[1]) * UNITS[unit]).toFixed(6));
  return Number.isSafeInteger(milliseconds) ? milliseconds : null;
}

/** The shortest text that means so many milliseconds: 90,000 is `90s`, 120,000 `2m`. */
export function durationText(milliseconds: number): string {
  const units = Object.entries(UNITS).toReversed();
  const [name, factor] = units.find(([, factor]) => milliseconds % factor === 0) ?? ['ms', 1];
  return milliseconds === 0 ? '0s' : `${milliseconds / factor}${name}`;
}
