const BARS = '▁▂▃▄▅▆▇█';

/** The course of some figures, the newest on the right; the highest of them is a full bar. */
export function sparkline(values: readonly number[]): string {
  const highest = Math.max(0, ...values);
  return values
    .map(
      (value) => BARS[highest === 0 ? 0 : Math.ceil((value / highest) * (BARS.length - 1))] ?? '',
    )
    .join('');
}
