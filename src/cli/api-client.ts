import type { Command } from 'commander';
import { isProcessAlive } from '../app/status/process-alive.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { readControlFile } from '../server/control-file.ts';
import { readProblem } from './api-problem.ts';
import {
  type Action,
  type CommandContext,
  type CommonOptions,
  complete,
  type Runtime,
  textOption,
} from './command.ts';
import type { ParsedOptions } from './command-line.ts';

/** Longer than any answer takes that is not a test delivery; milliseconds. */
const DEADLINE = 30_000;

/** One request to the service. */
export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Members that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Milliseconds; default 30,000. */
  readonly deadline?: number;
}

/** Where the service is, and how to be let in. */
interface Address {
  readonly url: string;
  readonly token: string | null;
  /** Set when it was found by its data directory, which then says more than the address. */
  readonly dataDir: string | null;
}

/** The HTTP API of a running service, as commands use it. */
export class ApiClient {
  readonly #address: Address;
  readonly #signal: AbortSignal;

  constructor(address: Address, signal: AbortSignal) {
    this.#address = address;
    this.#signal = signal;
  }

  /**
   * Asks for something and returns what was answered; null when that has no body. Ends when the
   * command is interrupted.
   * @param path from `/v1`; its variable parts are encoded already.
   * @throws ApiProblem what the service answered when it is an error
   * @throws TidingsError `SERVICE_NOT_RUNNING`, `SERVICE_UNREACHABLE`, `SERVICE_SILENT`,
   *   `SERVICE_STRANGE`
   */
  async ask<Answer>(path: string, request: ApiRequest = {}): Promise<Answer> {
    const deadline = AbortSignal.timeout(request.deadline ?? DEADLINE);
    const received = await this.#send(path, request, deadline);
    const { status, ok, text } = received;
    if (!ok) throw readProblem(text, status) ?? this.#strange(`it answered ${status}`);
    return (text === '' ? null : this.#read(received)) as Answer;
  }

  /**
   * Asks how the service is. That it is not ready (503) is an answer, and no error.
   * @param path `/healthz` or `/readyz`.
   * @param deadline milliseconds.
   * @throws TidingsError as `ask` does
   */
  async probe(path: string, deadline: number): Promise<unknown> {
    const received = await this.#send(path, { deadline }, AbortSignal.timeout(deadline));
    const { status, ok } = received;
    if (ok || status === 503) return this.#read(received);
    throw this.#strange(`it answered ${status}`);
  }

  #read({ type, text }: Received): unknown {
    if (!/^application\/json\b/i.test(type)) throw this.#strange(`it sent ${type || 'no JSON'}`);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw this.#strange('it sent no JSON', error);
    }
  }

  async #send(
    path: string,
    { method = 'GET', query = {}, body, deadline = DEADLINE }: ApiRequest,
    late: AbortSignal,
  ): Promise<Received> {
    const { url, token } = this.#address;
    try {
      const response = await fetch(`${url}${path}${queryText(query)}`, {
        method,
        // The token is for this address and no other.
        redirect: 'manual',
        signal: AbortSignal.any([this.#signal, late]),
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const { status, ok, headers } = response;
      return { status, ok, type: headers.get('content-type') ?? '', text: await response.text() };
    } catch (error) {
      if (this.#signal.aborted) throw error;
      if (!late.aborted) throw this.#unreachable(error);
      const details = { url: redacted(url), seconds: deadline / 1000 };
      throw new TidingsError('SERVICE_SILENT', details, { cause: error });
    }
  }

  #unreachable(error: unknown): TidingsError {
    const { url, dataDir } = this.#address;
    const { code = '', message } = causeOf(error);
    // A killed service has left its file, and another process may have its id by now.
    if (dataDir !== null && code === 'ECONNREFUSED') return notRunning(dataDir, error);
    const reason = REASONS[code] ?? message;
    return new TidingsError(
      'SERVICE_UNREACHABLE',
      { url: redacted(url), reason },
      { cause: error },
    );
  }

  #strange(problem: string, cause?: unknown): TidingsError {
    const url = redacted(this.#address.url);
    return new TidingsError('SERVICE_STRANGE', { url, problem }, { cause });
  }
}

interface Received {
  readonly status: number;
  readonly ok: boolean;
  readonly type: string;
  readonly text: string;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such name',
  ECONNRESET: 'it closed the connection',
};

/** What `fetch` hides behind "fetch failed". */
function causeOf(error: unknown): NodeJS.ErrnoException {
  const { cause } = error as { readonly cause?: unknown };
  if (cause instanceof Error) return cause;
  return error instanceof Error ? error : new Error(String(error));
}

/** Only the origin: the rest of an address may hold what is not to be shown. */
function redacted(url: string): string {
  return new URL(url).origin;
}

function queryText(query: NonNullable<ApiRequest['query']>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, String(value));
  }
  return given.size === 0 ? '' : `?${given.toString()}`;
}

/** The address of a subscription in the API. */
export function subscriptionPath(name: string): string {
  return `/v1/subscriptions/${encodeURIComponent(name)}`;
}

/** As `complete`, for a command that asks a running service: with the options that say which. */
export function completeWithApi(
  command: Command,
  runtime: Runtime,
  common: CommonOptions,
  action: ApiAction,
): void {
  command
    .option('--api <url>', 'a service elsewhere, by the address of its HTTP API (TIDINGS_API)')
    .option('--token <token>', 'a token of that service; better in TIDINGS_TOKEN');
  complete(command, runtime, common, async (context, options, parameters) => {
    const address = await findService(context, options);
    const api = new ApiClient(address, context.io.signal);
    return await action({ ...context, api }, options, parameters);
  });
}

/** What a command gets that asks a running service. */
export interface ApiContext extends CommandContext {
  readonly api: ApiClient;
}

export type ApiAction = (
  context: ApiContext,
  ...rest: Parameters<Action> extends [unknown, ...infer Rest] ? Rest : never
) => Promise<number>;

/** The service that `--api` names, else the one that runs on the data directory. */
async function findService(context: CommandContext, options: ParsedOptions): Promise<Address> {
  const { env } = context.io;
  const written = textOption(options, 'api') ?? env['TIDINGS_API'];
  const token = textOption(options, 'token');
  if (written !== undefined && written !== '') {
    return { url: readUrl(written), token: token ?? env['TIDINGS_TOKEN'] ?? null, dataDir: null };
  }
  const { dataDir } = (await context.loadConfig()).config;
  const control = readControlFile(dataDir);
  if (control === null || !isProcessAlive(control.pid)) throw notRunning(dataDir);
  return { url: control.url, token: token ?? control.token, dataDir };
}

/** The API of the service that runs on the data directory; null when none does. */
export async function localService(context: CommandContext): Promise<ApiClient | null> {
  const { dataDir } = (await context.loadConfig()).config;
  const control = readControlFile(dataDir);
  if (control === null || !isProcessAlive(control.pid)) return null;
  const { url, token } = control;
  return new ApiClient({ url, token, dataDir }, context.io.signal);
}

function readUrl(written: string): string {
  const url = URL.canParse(written) ? new URL(written) : null;
  const plain = url !== null && url.username + url.password + url.search + url.hash === '';
  if (plain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/$/, '');
  const problem =
    '--api (TIDINGS_API) has to be an address such as http://127.0.0.1:7070; the token goes into TIDINGS_TOKEN.';
  throw new TidingsError('USAGE', { problem, command: 'tidings subscriptions' });
}

function notRunning(dataDir: string, cause?: unknown): TidingsError {
  return new TidingsError('SERVICE_NOT_RUNNING', { dataDir }, { cause });
}
