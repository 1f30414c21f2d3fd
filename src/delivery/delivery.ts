import type { ChangeView } from '../change/decode.ts';
import type { LogRecord } from '../log/log.ts';
import type { AttemptError } from '../sink/sink.ts';
import {
  type DeliveryInput,
  type DeliveryProgress,
  type DeliveryState,
  nextAttempts,
  nextState,
} from './delivery-state.ts';
import type { KeptBuffer } from './kept-buffers.ts';

/** What a delivery needs to know of its record, also when the record itself is not in memory. */
export type DeliverySubject = Pick<LogRecord, 'offset' | 'table' | 'key' | 'previousKey'>;

/** A delivery's place among those of its row; kept by {@link RowOrder}. */
export interface RowPlace {
  /** How many earlier deliveries are in its way. */
  waitingFor: number;
  /** Later deliveries that it is in the way of. */
  followers: Delivery[] | null;
}

/** One delivery that is not done: the pure state with what the driver has to remember beside it. */
export class Delivery implements DeliveryProgress {
  readonly subject: DeliverySubject;
  readonly place: RowPlace = { waitingFor: 0, followers: null };
  /** The change, while it is in memory; an exception's is read again when it is attempted. */
  view: ChangeView | null;
  error: AttemptError | null = null;
  /** When its first attempt failed; milliseconds since 1970. */
  failedAt: number | null = null;
  /** When the next attempt is due; milliseconds since 1970. */
  nextAttemptAt: number | null = null;
  /** Bytes of memory that it keeps while its record is in memory. */
  bytes = 0;
  /** The buffer that its record is part of, while it counts as kept. */
  kept: KeptBuffer | null = null;
  /** When the next attempt is due, on the process's own clock, which never jumps. */
  dueAt = 0;
  /** When the attempt under way began, on the process's own clock. */
  startedAt = 0;
  /** Why and when somebody gave it up. */
  discarded: { readonly reason: string; readonly at: number } | null = null;
  /** True once it lies below the cursor and is therefore kept as an exception (invariant 5). */
  recorded = false;
  #state: DeliveryState;
  #attempts: number;

  constructor(subject: DeliverySubject, view: ChangeView | null, progress?: DeliveryProgress) {
    this.subject = subject;
    this.view = view;
    this.#state = progress?.state ?? 'blocked';
    this.#attempts = progress?.attempts ?? 0;
  }

  get offset(): number {
    return this.subject.offset;
  }

  get state(): DeliveryState {
    return this.#state;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Applies an input; returns false, and changes nothing, when the state refuses it. */
  apply(input: DeliveryInput, maxAttempts: number): boolean {
    const state = nextState(this, input, maxAttempts);
    if (state === null) return false;
    this.#attempts = nextAttempts(this, input);
    this.#state = state;
    return true;
  }
}
