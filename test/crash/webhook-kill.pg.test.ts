/**
 * The service is killed with SIGKILL under load while it posts to a webhook. The receiver is the
 * witness, and its word is compared with the history that the table itself kept: nothing lost, order
 * per row kept, attempts counted over the kills, and repeated only what was under way or had not
 * been written down for a moment (invariants 1, 3, 5, 6, 7).
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { parseWire } from '../../src/change/wire.ts';
import { freshDatabase } from '../support/postgres.ts';
import { endWithTests } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';
import {
  compareWithLedger,
  LEDGER_SCHEMA,
  ledgerHistory,
  type Recorded,
  writeLedger,
} from './ledger.ts';

const KILLS = 12;
const WRITERS = 2;
const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
/**
 * Outcomes are written down 50 ms after they are known, and an attempt that is slow holds that up for
 * a second at most; the rest is for a machine that is busy. Milliseconds.
 */
const NOT_WRITTEN_YET = 2_000;

/** What the receiver saw of one change. */
interface Seen {
  readonly at: number;
  /** Attempt numbers as they came in, with the run that sent them. */
  readonly attempts: { readonly run: number; readonly number: number; readonly at: number }[];
}

/** A receiver that fails each tenth change at first, and remembers what it took. */
class Witness implements AsyncDisposable {
  readonly taken: Recorded[] = [];
  readonly seen = new Map<string, Seen>();
  readonly badSignatures: string[] = [];
  run = 0;
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  readonly #signature = new Webhook(SECRET);

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/in`;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { run } = this;
    // A sender that is killed in the middle of its request has sent nothing.
    const body = await text(request).catch(() => null);
    if (body === null) return;
    const headers = request.headers as Record<string, string>;
    try {
      this.#signature.verify(body, headers);
    } catch (error) {
      this.badSignatures.push(String(error));
    }
    const change = parseWire(body);
    const at = performance.now();
    const number = Number(headers['tidings-attempt']);
    const seen = this.seen.get(change.id) ?? { at, attempts: [] };
    seen.attempts.push({ run, number, at });
    this.seen.set(change.id, seen);
    if (change.offset % 10 === 0 && number < 3) {
      response.writeHead(500).end('not yet');
      return;
    }
    const row = change.after ?? change.before ?? {};
    this.taken.push({
      run: String(run),
      operation: change.operation,
      row: Number(row['id']),
      stamp: JSON.stringify(row['stamp']).replaceAll('"', ''),
      id: change.id,
      offset: change.offset,
    });
    response.writeHead(204).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

test(
  `a webhook misses nothing over ${KILLS} SIGKILLs under load`,
  { timeout: 240_000 },
  async () => {
    await using database = await freshDatabase();
    await using witness = new Witness();
    const url = await witness.listen();
    const directory = mkdtempSync(join(tmpdir(), 'tidings-webhook-kill-'));
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(LEDGER_SCHEMA);
    const config = JSON.stringify({
      dataDir: join(directory, 'data'),
      sources: { main: { url: database.url, tables: ['public.ledger'] } },
      subscriptions: {
        crm: {
          tables: ['public.ledger'],
          from: 'floor',
          to: { webhook: { url, secret: SECRET } },
          delivery: { backoff: { first: 50, factor: 4, max: 3_000 } },
        },
      },
      webhooks: { allowAddresses: ['127.0.0.0/8'] },
    });
    const kills: number[] = [];
    const stop = new AbortController();
    let service = await startService(config);
    const writers = Array.from({ length: WRITERS }, () => writeLedger(database.url, stop.signal));
    try {
      for (let kill = 0; kill < KILLS; kill += 1) {
        const before = witness.taken.length;
        await until(() => witness.taken.length > before + 20 + Math.random() * 200, 20_000);
        service.kill('SIGKILL');
        await once(service, 'exit');
        kills.push(performance.now());
        witness.run += 1;
        service = await startService(config);
      }
    } finally {
      stop.abort();
      await Promise.all(writers);
    }
    const history = await ledgerHistory(client);
    await until(() => new Set(witness.taken.map(({ id }) => id)).size >= history.length, 60_000);
    const drained = once(service, 'exit');
    service.kill('SIGTERM');
    await drained;

    assert.deepEqual(witness.badSignatures, []);
    compareWithLedger(history, witness.taken);
    checkAttempts(witness, kills);
    await client.end();
    rmSync(directory, { recursive: true });
  },
);

/** Attempt numbers go up over kills too, and a kill repeats only what came a moment before it. */
function checkAttempts({ seen }: Witness, kills: readonly number[]): void {
  for (const [id, { attempts }] of seen) {
    for (const [index, { run, number, at }] of attempts.entries()) {
      const before = attempts[index - 1];
      if (before === undefined) {
        assert.equal(number, 1, `${id} begins with its first attempt`);
        continue;
      }
      if (before.run === run) {
        assert.equal(number, before.number + 1, `${id}: within a run each attempt counts`);
        continue;
      }
      const killed = kills[before.run] ?? at;
      const wasWritten = killed - before.at > NOT_WRITTEN_YET;
      assert.ok(number <= before.number + 1, `${id}: attempt ${number} after ${before.number}`);
      if (wasWritten) assert.equal(number, before.number + 1, `${id}: a kill forgets no attempt`);
    }
  }
}

async function startService(config: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'webhook-service.ts'), config], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  endWithTests(child);
  await once(child.stdout, 'data');
  return child;
}
