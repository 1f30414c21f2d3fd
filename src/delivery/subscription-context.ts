import type { AttemptError } from '../sink/sink.ts';
import type { State } from '../state/state.ts';
import type { Dispatcher } from '../subscription/dispatcher.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { DeliveryCommitPoint, DeliveryObserver } from './observer.ts';
import type { OpenRoom } from './open-room.ts';

/** What the subscriptions of one source share. */
export interface SubscriptionContext {
  readonly source: string;
  readonly state: State;
  readonly dispatcher: Dispatcher;
  readonly checkpoints: Checkpoints;
  readonly room: OpenRoom;
  readonly observer: DeliveryObserver;
  /** An endpoint wants nothing any more: its subscription is to be paused. */
  readonly onGone: (subscription: string, error: AttemptError) => void;
  readonly onCommitPoint?: ((point: DeliveryCommitPoint) => void) | undefined;
}
