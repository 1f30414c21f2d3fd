const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes with three digits that matter, in powers of 1,000 like the sizes in the configuration. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${SIZE_UNITS[unit]}`;
}

/** A whole number with commas between thousands. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Something per second: whole from 10 on, as nobody reads the fraction of 1,204.3. */
export function formatRate(perSecond: number): string {
  return perSecond === 0 || perSecond >= 10
    ? formatCount(Math.round(perSecond))
    : perSecond.toFixed(1);
}

/** `1 record`, `1,204 records`. */
export function formatCounted(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** A length of time with the two units that matter: `850 ms`, `4.2 s`, `3m 20s`, `2h 5m`, `6d 4h`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [whole / 86_400, (whole / 3_600) % 24, (whole / 60) % 60].map(
    Math.floor,
  ) as [number, number, number];
  if (days > 0) return `${days}d ${hours}h`;
  return hours > 0 ? `${hours}h ${minutes}m` : `${minutes}m ${whole % 60}s`;
}

/** An ISO time in UTC as a person reads it: the time of day, with the day when that is not today. */
export function formatTime(iso: string, now: Date = new Date()): string {
  const [day = '', time = ''] = iso.slice(0, '2026-11-21T08:00:00.123'.length).split('T');
  const clock = time.endsWith('Z') ? time.slice(0, -1) : time;
  return now.toISOString().startsWith(day) ? clock : `${day} ${clock}`;
}
