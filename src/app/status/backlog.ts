import type { SubscriptionStatus } from '../../delivery/subscription-status.ts';
import type { SourceStatus } from '../../source/source.ts';

/** Captured changes from which on the average of bytes per change is worth something. */
const ENOUGH = 1_000;

/**
 * Estimates how many changes still lie in a source's WAL: by what those cost that were captured in
 * this run. WAL of tables that are not captured is in the average, as it is in what waits.
 */
export class Backlog {
  #first: { readonly bytes: number; readonly changes: number } | null = null;
  #bytesPerChange: number | null = null;

  /** Takes notice of what the source says, and of how many changes were captured by then. */
  note({ walBytes, lagBytes }: SourceStatus, changes: number): void {
    if (walBytes === null || lagBytes === null) return;
    const bytes = walBytes - lagBytes;
    this.#first ??= { bytes, changes };
    const captured = changes - this.#first.changes;
    if (captured >= ENOUGH) this.#bytesPerChange = (bytes - this.#first.bytes) / captured;
  }

  /** @returns null when nothing is known of the source, or of what its changes cost. */
  records(lagBytes: number | null): number | null {
    if (lagBytes === null || this.#bytesPerChange === null) return null;
    return Math.floor(lagBytes / Math.max(1, this.#bytesPerChange));
  }
}

/** States in which nothing is read, whatever the pace of the last seconds was. */
const STANDING: readonly SubscriptionStatus['state'][] = ['paused', 'draining', 'stopped'];

/** See `SubscriptionStatusReport.caughtUpIn`. */
export function caughtUpIn(
  { lag, speed, state }: Pick<SubscriptionStatus, 'lag' | 'speed' | 'state'>,
  uncaptured: number | null,
): number | null {
  const left = lag + (uncaptured ?? 0);
  if (left === 0) return 0;
  return speed > 0 && !STANDING.includes(state) ? Math.ceil(left / speed) : null;
}
