import type { CaptureState, Status } from '../app/status/status.ts';

/** A source that keeps the service from being ready. Says no more: anybody may ask. */
export interface Unready {
  readonly source: string;
  readonly state: CaptureState;
  /** The code of the error that it has, if any. */
  readonly code: string | null;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly Unready[];
}

/** Ready while every source streams: then what is committed is captured without delay. */
export function readiness({ sources }: Pick<Status, 'sources'>): Readiness {
  const reasons = sources
    .filter(({ state }) => state !== 'streaming')
    .map(({ name, state, error }) => ({ source: name, state, code: error?.code ?? null }));
  return { ready: reasons.length === 0, reasons };
}
