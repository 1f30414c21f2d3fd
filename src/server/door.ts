import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Front } from '../app/front.ts';
import type { Tidings } from '../app/tidings.ts';
import type { HttpConfig } from '../config/define-config.ts';
import type { Logger } from '../observe/logger.ts';
import { Access } from './access.ts';
import { removeControlFile, writeControlFile } from './control-file.ts';
import { HEALTHY } from './health.ts';
import { Listener } from './listener.ts';

export interface DoorOptions {
  readonly service: Tidings;
  readonly http: HttpConfig | null;
  readonly dataDir: string;
  readonly logger: Logger;
}

/** Where it listens when nobody has said so: commands of this machine find it by the control file. */
const UNCONFIGURED = { host: '127.0.0.1', port: 0 };

/** The HTTP API of a service: opened once, closed once. */
export class Door implements Front {
  readonly #options: DoorOptions;
  readonly #draining = new AbortController();
  readonly #controlToken = randomBytes(32).toString('base64url');
  #listening: Promise<Listener> | null = null;
  #url: string | null = null;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Where this machine reaches the API; null while it is closed. */
  get url(): string | null {
    return this.#url;
  }

  /**
   * Listens, and tells commands of this machine where. Nothing when it was closed before.
   * @throws TidingsError `HTTP_LISTEN_FAILED`
   */
  async open(): Promise<void> {
    if (this.#draining.signal.aborted) return;
    const { dataDir, logger, http } = this.#options;
    const { host, port } = http ?? UNCONFIGURED;
    const load = (): Promise<RequestListener> => this.#loadApi();
    this.#listening = Listener.listen({ host, port, logger, load, quick: answerHealth });
    const { url } = await this.#listening;
    if (this.#draining.signal.aborted) return;
    this.#url = url;
    logger.info('The HTTP API listens', { url, configured: http !== null });
    // On a full disk a service has to start all the same: it shows that it waits for room.
    this.#trying('Commands of this machine will not find the service', () =>
      writeControlFile(dataDir, { url, token: this.#controlToken, pid: process.pid }),
    );
  }

  /** Ends what waits; resolves when what was asked is answered, or after a deadline. */
  async close(): Promise<void> {
    this.#draining.abort();
    if (this.#url !== null) {
      // One that stays is as good as that of a killed service: it leads nowhere.
      this.#trying('The control file stays', () => removeControlFile(this.#options.dataDir));
    }
    this.#url = null;
    // One that never listened has told so to whoever opened it.
    const listener = await this.#listening?.catch(() => null);
    await listener?.close();
  }

  #trying(warning: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#options.logger.warn(warning, { error });
    }
  }

  async #loadApi(): Promise<RequestListener> {
    const { service, http, logger } = this.#options;
    const access = new Access(http, this.#controlToken);
    const { createApi } = await import('./api.ts');
    const draining = this.#draining.signal;
    const api = await createApi({ service, access, http, logger, draining });
    return (request, response) => api.routing(request, response);
  }
}

/** The one question that orchestrators ask for ever is answered without loading the API. */
function answerHealth({ method, url }: IncomingMessage, response: ServerResponse): boolean {
  if (url !== '/healthz' || (method !== 'GET' && method !== 'HEAD')) return false;
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(HEALTHY));
  return true;
}
