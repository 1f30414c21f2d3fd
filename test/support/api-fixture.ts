import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ConfigInput } from '../../src/config/define-config.ts';
import type { Logger, LogFields } from '../../src/observe/logger.ts';
import { type Control, readControlFile } from '../../src/server/control-file.ts';
import { createTidings } from '../../src/server/create-tidings.ts';
import type { Tidings } from '../../src/app/tidings.ts';
import { until } from './until.ts';

/** Refuses every connection: what does not need a database gets this one. */
export const NO_DATABASE = 'postgresql://nobody:hunter2@127.0.0.1:1/none';

export interface Asked {
  /** Default: the control token; null for none. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is when it is text. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, read as JSON. */
  readonly json: <Type = unknown>() => Type;
}

/** A service with its API on a port of its own; disposing drains it and removes its data. */
export interface ServedApi extends AsyncDisposable {
  readonly tidings: Tidings;
  readonly dataDir: string;
  readonly url: string;
  readonly controlToken: string;
  /** Everything that was logged, one line each. */
  readonly lines: readonly string[];
  ask(method: string, path: string, asked?: Asked): Promise<Answered>;
}

/** Starts one; `prepare` may register subscriptions before the start. */
export async function serveApi(
  config: ConfigInput = {},
  prepare: (tidings: Tidings) => void = () => undefined,
): Promise<ServedApi> {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-api-'));
  const dataDir = config.dataDir ?? join(directory, 'data');
  const lines: string[] = [];
  const sources = { main: { url: NO_DATABASE } };
  const tidings = await createTidings(
    { sources, ...config, dataDir },
    { logger: recordingLogger(lines) },
  );
  prepare(tidings);
  const started = tidings.start();
  // Without a database the start goes on for ever, while the API answers already.
  if (config.sources !== undefined) await started;
  else await Promise.race([started, until(() => readControlFile(dataDir) !== null)]);
  const control = readControlFile(dataDir);
  assert.ok(control !== null);
  return {
    tidings,
    dataDir,
    lines,
    url: control.url,
    controlToken: control.token,
    ask: (method, path, asked) => ask(control, method, path, asked),
    async [Symbol.asyncDispose]() {
      await tidings.drain();
      rmSync(directory, { recursive: true });
    },
  };
}

/** One request on a connection of its own, with headers as they are given: also those a browser sets. */
async function ask(
  { url: base, token: controlToken }: Pick<Control, 'url' | 'token'>,
  method: string,
  path: string,
  { token = controlToken, headers, body, signal }: Asked = {},
): Promise<Answered> {
  const written = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await new Promise<Answered>((resolve, reject) => {
    const { hostname, port } = new URL(base);
    // The path as it is: a URL would resolve `..` in it.
    const asking = request({
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      path,
      method,
      agent: false,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(written === undefined ? {} : bodyHeaders(written)),
        ...headers,
      },
    });
    asking.once('error', reject);
    asking.once('response', (response) => {
      text(response).then((text) => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text, json: () => JSON.parse(text) as never });
      }, reject);
    });
    asking.end(written);
  });
  return answer;
}

/** Node.js would send a DELETE's body without saying how long it is. */
function bodyHeaders(written: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(written)),
  };
}

/** Writes its lines into the list: level, text, fields, and the stack of an error. */
export function recordingLogger(lines: string[], bound: LogFields = {}): Logger {
  const write =
    (level: string) =>
    (line: string, fields: LogFields = {}): void => {
      const { error, ...rest } = { ...bound, ...fields };
      const failure = error instanceof Error ? ` ${error.stack}` : '';
      lines.push(`${level} ${line} ${JSON.stringify(rest)}${failure}`);
    };
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  };
}
