import { timerDelay } from '../util/timer-delay.ts';
import type { Delivery } from './delivery.ts';
import { DueQueue } from './due-queue.ts';

/** Calls back for each delivery whose pause is over, with one timer for all of them. */
export class RetryTimer {
  readonly #due = new DueQueue<Delivery>();
  readonly #onDue: (delivery: Delivery) => void;
  #timer: NodeJS.Timeout | null = null;
  #setFor = Infinity;

  constructor(onDue: (delivery: Delivery) => void) {
    this.#onDue = onDue;
  }

  /** Sets `dueAt` of a delivery that is retrying. Milliseconds from now. */
  add(delivery: Delivery, delay: number): void {
    delivery.dueAt = performance.now() + delay;
    this.#due.add(delivery.dueAt, delivery);
    this.#arm();
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#setFor = Infinity;
    this.#due.clear();
  }

  #arm(): void {
    const { next } = this.#due;
    if (next === null || next >= this.#setFor) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#setFor = next;
    this.#timer = setTimeout(() => this.#fire(), timerDelay(next - performance.now()));
  }

  #fire(): void {
    this.#timer = null;
    this.#setFor = Infinity;
    const now = performance.now();
    for (;;) {
      const delivery = this.#due.take(now);
      if (delivery === undefined) break;
      // One that was replayed or discarded meanwhile has left its entry behind.
      if (delivery.state === 'retrying' && delivery.dueAt <= now) this.#onDue(delivery);
    }
    this.#arm();
  }
}
