import type { Dispatcher } from 'undici';
import { statusBefore } from './answer-start.ts';
import { Excerpt } from './excerpt.ts';
import type { Hidden } from './hidden.ts';

export interface PostRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What is left out of what is kept of the answer. */
  readonly hidden: Hidden;
}

/** What came back: an answer, or why there is none. */
export type Posted =
  | {
      readonly status: number;
      readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
      readonly excerpt: string;
    }
  | { readonly error: unknown };

/**
 * How long an answer's body may take once its status is known, milliseconds. The status decides
 * alone, so a body that drips or never ends holds up nothing for longer.
 */
const BODY_TIME = 1_000;

/** Posts once. Never rejects. When the signal aborts the connection is closed first. */
export function post(pool: Dispatcher, request: PostRequest, signal: AbortSignal): Promise<Posted> {
  const { path, headers, body, hidden } = request;
  return new Promise((resolve) => {
    const handler = new PostHandler(resolve, signal, hidden);
    if (signal.aborted) {
      handler.onResponseError(null, signal.reason);
      return;
    }
    try {
      // Deadlines are the attempt's: no second timer for each request.
      const untimed = { headersTimeout: 0, bodyTimeout: 0 };
      pool.dispatch({ path, headers, body, method: 'POST', ...untimed }, handler);
    } catch (error) {
      handler.onResponseError(null, error);
    }
  });
}

class PostHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (posted: Posted) => void;
  readonly #signal: AbortSignal;
  readonly #excerpt: Excerpt;
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: Readonly<Record<string, string | readonly string[] | undefined>> = {};
  #timer: NodeJS.Timeout | null = null;
  #done = false;

  constructor(resolve: (posted: Posted) => void, signal: AbortSignal, hidden: Hidden) {
    this.#resolve = resolve;
    this.#excerpt = new Excerpt(hidden);
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It was aborted while it waited for a connection.
    if (this.#done) controller.abort(abortError(this.#signal));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // 1xx announces another answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (status === 204 || headers['content-length'] === '0') return;
    this.#timer = setTimeout(() => this.#giveUpBody(controller), BODY_TIME);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#excerpt.add(chunk);
    if (this.#excerpt.tooLong) this.#giveUpBody(controller);
  }

  onResponseEnd(): void {
    this.#answered();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    // Headers and a body that break off, or make no sense, change nothing about the status.
    if (this.#status === 0) this.#status = statusBefore(error) ?? 0;
    if (this.#status !== 0) this.#answered();
    else this.#settle({ error });
  }

  readonly #onAbort = (): void => {
    const { reason } = this.#signal as { readonly reason: unknown };
    if (this.#controller === null) this.#settle({ error: reason });
    else this.#controller.abort(abortError(this.#signal));
  };

  #giveUpBody(controller: Dispatcher.DispatchController): void {
    this.#answered();
    controller.abort(new Error('The rest of the answer is of no interest'));
  }

  #answered(): void {
    if (this.#done) return;
    const excerpt = this.#excerpt.text;
    this.#settle({ status: this.#status, headers: this.#headers, excerpt });
  }

  #settle(posted: Posted): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(posted);
  }
}

function abortError({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('The attempt was given up');
}
