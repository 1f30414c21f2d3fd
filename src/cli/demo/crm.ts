import { randomBytes } from 'node:crypto';
import { untilWoken } from '../../util/until-woken.ts';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Row } from '../../change/change.ts';
import { parseWire, WIRE_TYPE } from '../../change/wire.ts';
import type { ConfigInput } from '../../config/define-config.ts';
import { createTidings } from '../../server/create-tidings.ts';
import type { Tidings } from '../../app/tidings.ts';
import { verifySignature } from '../listen/verify-signature.ts';
import type { KeptAccount } from './comparison.ts';
import type { DemoDirectory } from './demo-directory.ts';
import { HEARD_COLUMNS } from './mail-accounts.ts';
import type { Told } from './told.ts';

const NAME = 'crm';
/** A real webhook is tried for three days; nobody looks at a demo for so long. */
const BACKOFF = { first: '200ms', factor: 1.5, max: '1s' } as const;
const MAX_BODY = 1 << 20;

export interface CrmOptions {
  /** The database. */
  readonly url: string;
  readonly directory: DemoDirectory;
  readonly onTold: (told: Told) => void;
}

/**
 * The demo's customer database: an HTTP server that is told of every account by a signed webhook, and
 * a Tidings that posts to it. It can be out of order for a while. What it knows is what it was told.
 */
export class Crm implements AsyncDisposable {
  readonly name = NAME;
  readonly told: Told[] = [];
  /** Requests that it answered with an error. */
  refused = 0;
  /** True while it is out of order. */
  broken = false;
  readonly #options: CrmOptions;
  readonly #secret = `whsec_${randomBytes(32).toString('base64')}`;
  readonly #contacts = new Map<string, KeptAccount>();
  readonly #waiting = new Set<() => void>();
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  #tidings: Tidings | null = null;

  private constructor(options: CrmOptions) {
    this.#options = options;
  }

  static async start(options: CrmOptions): Promise<Crm> {
    const crm = new Crm(options);
    try {
      await crm.#start();
      return crm;
    } catch (error) {
      await crm[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Its contacts, to be compared with the table. */
  get contacts(): readonly KeptAccount[] {
    return [...this.#contacts.values()];
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/contacts`;
  }

  /** Changes that wait for another attempt, or for an earlier one of their row. */
  async waiting(): Promise<number> {
    const report = await this.#tidings?.subscription(NAME, { warnings: false });
    return (report?.retrying ?? 0) + (report?.blocked ?? 0);
  }

  /** Resolves when the condition holds, tested after each request, or when the signal aborts. */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    await untilWoken(signal, (wake) => {
      const look = (): void => {
        if (condition()) wake();
      };
      this.#waiting.add(look);
      look();
      return () => this.#waiting.delete(look);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tidings?.drain();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #start(): Promise<void> {
    const { directory } = this.#options;
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const config = this.#config();
    // The address of the database holds its password.
    const text = `${JSON.stringify({ ...config, dataDir: NAME }, null, 2)}\n`;
    writeFileSync(directory.config(NAME), text, { mode: 0o600 });
    this.#tidings = await createTidings(config);
    await this.#tidings.start();
  }

  #config(): ConfigInput {
    const { url, directory } = this.#options;
    return {
      dataDir: directory.data(NAME),
      sources: { [NAME]: { url, tables: ['public.mail_users'] } },
      subscriptions: {
        [NAME]: {
          tables: ['public.mail_users'],
          columns: [...HEARD_COLUMNS],
          to: { webhook: { url: this.address, secret: this.#secret } },
          delivery: { backoff: BACKOFF },
        },
      },
      webhooks: { allowAddresses: ['127.0.0.1'] },
    };
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = await this.#take(request);
    if (status >= 400) this.refused += 1;
    response.writeHead(status).end();
    for (const settle of this.#waiting) settle();
  }

  /** The status to answer with. */
  async #take(request: IncomingMessage): Promise<number> {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) return 413;
    const body = await buffer(request).catch(() => null); // The sender gave up.
    if (body === null || this.broken) return 503;
    if (verifySignature(request.headers, body, [this.#secret]) !== null) return 401;
    const document = JSON.parse(body.toString()) as { readonly type?: unknown };
    // A test delivery: nothing has changed.
    if (document.type !== WIRE_TYPE) return 204;
    this.#note(parseWire(document));
    return 204;
  }

  #note(change: ReturnType<typeof parseWire>): void {
    const { operation, before, after } = change;
    const row = after ?? before;
    const account = row === null ? null : toAccount(row);
    if (operation === 'truncate') this.#contacts.clear();
    else if (account !== null && after === null) this.#contacts.delete(account.dba);
    else if (account !== null) this.#contacts.set(account.dba, account);
    const told: Told = {
      at: new Date().toISOString(),
      server: NAME,
      operation,
      done: after === null ? 'removed' : 'noted',
      account,
      change: change.id,
      offset: change.offset,
      afterCommitMs: Math.max(0, Date.now() - Date.parse(change.transaction.committedAt)),
    };
    this.told.push(told);
    this.#options.onTold(told);
  }
}

function toAccount(row: Row): KeptAccount {
  const text = (column: (typeof HEARD_COLUMNS)[number]): string => {
    const value = row[column];
    return typeof value === 'string' ? value : JSON.stringify(value);
  };
  return {
    dba: text('dba'),
    gid: text('gid'),
    address: `${text('username')}@${text('domain')}`,
    quotaBytes: text('quota_bytes'),
  };
}
