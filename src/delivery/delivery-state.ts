/**
 * The life of one delivery: one change owed to one endpoint. Pure: no clock, no randomness, no I/O.
 * docs/internals/delivery.md has the table with its reasons.
 */
export type DeliveryState =
  /** An earlier change of its row is not done. */
  | 'blocked'
  /** Nothing is in its way; it waits for a free place. */
  | 'ready'
  /** An attempt is under way, within its deadline. */
  | 'inFlight'
  /** The attempt ran past its deadline, and the endpoint has not returned yet. Holds its row. */
  | 'overdue'
  /** An attempt failed; the next one is not due yet. Holds its row. */
  | 'retrying'
  /** Not attempted any more by itself; kept until somebody replays or discards it. Frees its row. */
  | 'parked'
  /** Acknowledged, or discarded by somebody. */
  | 'done';

export type DeliveryInput =
  /** Nothing earlier of its row is open any more. */
  | 'unblock'
  /** It got a place; an attempt begins. */
  | 'start'
  /** The endpoint took the change. */
  | 'ack'
  /** The endpoint did not take it, and may take it later. */
  | 'retry'
  /** The endpoint will never take it. */
  | 'reject'
  /** The endpoint asked to be left alone, or wants nothing any more: no failure of this change. */
  | 'defer'
  /** The deadline passed. */
  | 'timeout'
  /** An attempt ended after its deadline, however it ended. */
  | 'return'
  /** The attempt was cut short by a shutdown: its outcome is unknown. */
  | 'abort'
  /** The pause before the next attempt is over. */
  | 'due'
  /** Somebody wants it attempted again, now. */
  | 'replay'
  /** Somebody gives it up. */
  | 'discard';

export const DELIVERY_STATES = [
  'blocked',
  'ready',
  'inFlight',
  'overdue',
  'retrying',
  'parked',
  'done',
] as const satisfies readonly DeliveryState[];

export const DELIVERY_INPUTS = [
  'unblock',
  'start',
  'ack',
  'retry',
  'reject',
  'defer',
  'timeout',
  'return',
  'abort',
  'due',
  'replay',
  'discard',
] as const satisfies readonly DeliveryInput[];

/**
 * What an input does in a state: the next state, or
 * - `refused`: somebody asked for what cannot be done in this state; nothing changes;
 * - `defect`: the driver must never let it come to this.
 */
export type Cell = DeliveryState | 'refused' | 'defect';

/**
 * Every state with every input; a missing cell does not compile. Where an attempt fails, `retrying`
 * stands for "`parked` when no attempt is left" (see {@link nextState}).
 */
export const TRANSITIONS: Readonly<Record<DeliveryState, Readonly<Record<DeliveryInput, Cell>>>> = {
  blocked: {
    unblock: 'ready',
    start: 'defect',
    ack: 'defect',
    retry: 'defect',
    reject: 'defect',
    defer: 'defect',
    timeout: 'defect',
    return: 'defect',
    abort: 'blocked',
    due: 'defect',
    // It waits for another delivery, and that one can be replayed.
    replay: 'refused',
    discard: 'done',
  },
  ready: {
    unblock: 'defect',
    start: 'inFlight',
    ack: 'defect',
    retry: 'defect',
    reject: 'defect',
    defer: 'defect',
    timeout: 'defect',
    return: 'defect',
    abort: 'ready',
    due: 'defect',
    // It is about to be attempted anyway.
    replay: 'ready',
    discard: 'done',
  },
  inFlight: {
    unblock: 'defect',
    start: 'defect',
    ack: 'done',
    retry: 'retrying',
    reject: 'parked',
    defer: 'retrying',
    timeout: 'overdue',
    return: 'defect',
    abort: 'ready',
    due: 'defect',
    // Whether the endpoint takes the change is not known: neither can be done honestly.
    replay: 'refused',
    discard: 'refused',
  },
  overdue: {
    unblock: 'defect',
    start: 'defect',
    // After the deadline the endpoint was told to give up, so an end without an error may as well
    // mean that it did: every end counts as `return`.
    ack: 'defect',
    retry: 'defect',
    reject: 'defect',
    defer: 'defect',
    timeout: 'defect',
    return: 'retrying',
    abort: 'ready',
    due: 'defect',
    replay: 'refused',
    discard: 'refused',
  },
  retrying: {
    unblock: 'defect',
    start: 'defect',
    ack: 'defect',
    retry: 'defect',
    reject: 'defect',
    defer: 'defect',
    timeout: 'defect',
    return: 'defect',
    abort: 'retrying',
    due: 'ready',
    replay: 'ready',
    discard: 'done',
  },
  parked: {
    unblock: 'defect',
    start: 'defect',
    ack: 'defect',
    retry: 'defect',
    reject: 'defect',
    defer: 'defect',
    timeout: 'defect',
    return: 'defect',
    abort: 'parked',
    due: 'defect',
    // It gave up its row, and has to get in line again.
    replay: 'blocked',
    discard: 'done',
  },
  done: {
    unblock: 'defect',
    start: 'defect',
    ack: 'defect',
    retry: 'defect',
    reject: 'defect',
    defer: 'defect',
    timeout: 'defect',
    return: 'defect',
    abort: 'done',
    due: 'defect',
    replay: 'refused',
    discard: 'refused',
  },
};

/** A delivery's state with the number of attempts begun, which outlasts restarts. */
export interface DeliveryProgress {
  readonly state: DeliveryState;
  readonly attempts: number;
}

/**
 * The state after an input, or null when the input is refused.
 * @param maxAttempts a failure of the last of them parks the delivery.
 * @throws Error when the table says `defect`.
 */
export function nextState(
  { state, attempts }: DeliveryProgress,
  input: DeliveryInput,
  maxAttempts: number,
): DeliveryState | null {
  const cell = TRANSITIONS[state][input];
  if (cell === 'refused') return null;
  if (cell === 'defect') throw new Error(`A delivery that is ${state} cannot get ${input}`);
  const failed = input === 'retry' || input === 'return';
  return failed && attempts >= maxAttempts ? 'parked' : cell;
}

/**
 * The number of attempts after an input that was not refused. An attempt cut short by a shutdown
 * does not count, so restarts alone never park a delivery; nor does one that was told to wait. A
 * replay has all attempts before it.
 */
export function nextAttempts({ state, attempts }: DeliveryProgress, input: DeliveryInput): number {
  if (input === 'start') return attempts + 1;
  if (input === 'defer') return attempts - 1;
  if (input === 'abort' && (state === 'inFlight' || state === 'overdue')) return attempts - 1;
  if (input === 'replay' && state === 'parked') return 0;
  return attempts;
}
