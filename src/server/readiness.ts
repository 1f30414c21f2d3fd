import type { CaptureState, Status } from '../app/status/status.ts';
import { TidingsError } from '../errors/tidings-error.ts';

/** Whether one source is captured without delay. Says no more: anybody may ask. */
export interface SourceReadiness {
  readonly source: string;
  readonly ready: boolean;
  readonly state: CaptureState;
  /** The code of the error that it has, if any. */
  readonly code: string | null;
}

export interface Readiness {
  readonly ready: boolean;
  readonly sources: readonly SourceReadiness[];
  /** Those of the sources that are not ready. */
  readonly reasons: readonly Omit<SourceReadiness, 'ready'>[];
}

/**
 * Ready while every source streams: then what is committed is captured without delay.
 * @param only the one source that is asked for.
 * @throws TidingsError `SOURCE_UNKNOWN`
 */
export function readiness({ sources }: Pick<Status, 'sources'>, only?: string): Readiness {
  const asked = only === undefined ? sources : sources.filter(({ name }) => name === only);
  if (only !== undefined && asked.length === 0) {
    throw new TidingsError('SOURCE_UNKNOWN', { source: only });
  }
  const all = asked.map(({ name, state, error }) => {
    const ready = state === 'streaming';
    return { source: name, ready, state, code: error?.code ?? null };
  });
  const reasons = all.flatMap(({ ready, ...reason }) => (ready ? [] : [reason]));
  return { ready: reasons.length === 0, sources: all, reasons };
}
