import type {
  ChangesPage,
  ChangesQuery,
  DeliveryPage,
  DeliveryQuery,
  DeliveryReport,
  ReplayReport,
  ReplayRequest,
  SubscriptionReport,
  TestReport,
} from '../app/administration.ts';
import type { Status } from '../app/status.ts';
import type { Registration, Tidings } from '../app/tidings.ts';
import type { StartAt } from '../config/start-at.ts';
import type { Door } from './door.ts';

/**
 * A service with its HTTP API, which is there before the service starts and closed before it drains.
 * Everything else is the service's own.
 */
export class ServedTidings implements Tidings {
  readonly #service: Tidings;
  readonly #door: Door;
  #started: Promise<void> | null = null;
  #drained: Promise<void> | null = null;

  constructor(service: Tidings, door: Door) {
    this.#service = service;
    this.#door = door;
  }

  /** Where this machine reaches the API; null while it is closed. */
  get url(): string | null {
    return this.#door.url;
  }

  get finished(): Promise<void> {
    return this.#service.finished;
  }

  /**
   * Listens, then starts the service.
   * @throws TidingsError `HTTP_LISTEN_FAILED`, and those of the service.
   */
  start(): Promise<void> {
    this.#started ??= this.#door.open().then(() => this.#service.start());
    return this.#started;
  }

  /** Ends what waits at the API and closes it, then drains the service. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #drain(): Promise<void> {
    try {
      await this.#door.close();
    } finally {
      await this.#service.drain();
    }
  }

  register(name: string, table: string, handler: Registration): Tidings {
    this.#service.register(name, table, handler);
    return this;
  }

  status(): Promise<Status> {
    return this.#service.status();
  }

  metrics(): Promise<string> {
    return this.#service.metrics();
  }

  forget(subscription: string): Promise<void> {
    return this.#service.forget(subscription);
  }

  subscriptions(): Promise<readonly SubscriptionReport[]> {
    return this.#service.subscriptions();
  }

  subscription(name: string): Promise<SubscriptionReport> {
    return this.#service.subscription(name);
  }

  createSubscription(name: string, definition: unknown): Promise<SubscriptionReport> {
    return this.#service.createSubscription(name, definition);
  }

  changeSubscription(name: string, definition: unknown): Promise<SubscriptionReport> {
    return this.#service.changeSubscription(name, definition);
  }

  deleteSubscription(name: string): Promise<void> {
    return this.#service.deleteSubscription(name);
  }

  pause(subscription: string, reason?: string): Promise<void> {
    return this.#service.pause(subscription, reason);
  }

  resume(subscription: string): Promise<void> {
    return this.#service.resume(subscription);
  }

  rewind(subscription: string, to: StartAt): Promise<void> {
    return this.#service.rewind(subscription, to);
  }

  deliveries(query?: DeliveryQuery): Promise<DeliveryPage> {
    return this.#service.deliveries(query);
  }

  delivery(subscription: string, offset: number): Promise<DeliveryReport> {
    return this.#service.delivery(subscription, offset);
  }

  retry(subscription: string, offset: number): Promise<void> {
    return this.#service.retry(subscription, offset);
  }

  replay(subscription: string, what: ReplayRequest): Promise<ReplayReport> {
    return this.#service.replay(subscription, what);
  }

  discard(subscription: string, offset: number, reason: string): Promise<void> {
    return this.#service.discard(subscription, offset, reason);
  }

  testDelivery(subscription: string, signal?: AbortSignal): Promise<TestReport> {
    return this.#service.testDelivery(subscription, signal);
  }

  changes(query: ChangesQuery, signal?: AbortSignal): Promise<ChangesPage> {
    return this.#service.changes(query, signal);
  }
}
