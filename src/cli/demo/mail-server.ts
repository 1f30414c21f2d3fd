import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { isTidingsError, TidingsError } from '../../errors/tidings-error.ts';
import { parseTold, type Told } from './told.ts';

/** How long a mail server may take to drain before it is killed, milliseconds. */
const DRAIN_DEADLINE = 5_000;
/** Lines of its standard error that are kept for the error message. */
const KEPT_ERROR_LINES = 20;

export interface MailServerOptions {
  readonly name: string;
  /** The program with its arguments, run by this Node.js. */
  readonly program: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Called for each call that the mail server reports. */
  readonly onTold: (told: Told) => void;
}

/**
 * A mail server of the demo: a process of its own, which may be killed and started again. What it was
 * told is kept over its restarts.
 */
export class MailServer implements AsyncDisposable {
  readonly name: string;
  readonly #options: MailServerOptions;
  readonly #told: Told[] = [];
  readonly #waiting = new Set<() => void>();
  #running: Running | null = null;

  constructor(options: MailServerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Everything it was told, in the order of the calls, repetitions included. */
  get told(): readonly Told[] {
    return this.#told;
  }

  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /**
   * Starts the process and resolves once it listens.
   * @throws TidingsError `DEMO_SUBSCRIBER_ENDED` when it ends instead.
   */
  async start(signal: AbortSignal): Promise<void> {
    const running = this.#spawn();
    this.#running = running;
    await this.#until(() => running.ready, signal);
  }

  /**
   * Resolves when the condition holds, which is tested after every call, and at the latest when the
   * signal aborts.
   * @throws TidingsError `DEMO_SUBSCRIBER_ENDED` when the process ends before.
   */
  async untilTold(condition: () => boolean, signal: AbortSignal): Promise<void> {
    await this.#until(condition, signal);
  }

  /**
   * Resolves when the process ends by itself, or is killed by somebody else, with how it ended; with
   * null when the signal aborts first.
   */
  async untilEnded(signal: AbortSignal): Promise<string | null> {
    try {
      await this.#until(() => false, signal);
      return null;
    } catch (error) {
      if (!isTidingsError(error, 'DEMO_SUBSCRIBER_ENDED')) throw error;
      this.#running = null;
      return String(error.details['status']);
    }
  }

  /** SIGKILL: the process gets no chance to finish anything. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Lets it drain, then kills it if it does not end in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#running?.child.kill('SIGKILL'), DRAIN_DEADLINE);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    running.expectedToEnd = true;
    running.child.kill(signal);
    await running.ended;
    this.#running = null;
  }

  #spawn(): Running {
    const child = spawn(process.execPath, [...this.#options.program], {
      env: { ...process.env, ...this.#options.environment },
      // The channel tells it when this process is gone, however that happened.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A group of its own: Ctrl-C in the terminal is for us, and we let it drain.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    const running: Running = {
      child,
      ready: false,
      errors: [],
      expectedToEnd: false,
      ended: untilClosed(child).then(() => this.#wake()),
    };
    child.once('error', (error) => running.errors.push(error.message));
    readLines(child.stdout, (line) => this.#read(line, running));
    readLines(child.stderr, (line) => {
      running.errors.push(line);
      running.errors.splice(0, running.errors.length - KEPT_ERROR_LINES);
    });
    return running;
  }

  #read(line: string, running: Running): void {
    const told = parseTold(line);
    if (told !== null) {
      this.#told.push(told);
      this.#options.onTold(told);
    } else if (line.startsWith('{"listening"')) running.ready = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        const ended = signal.aborted ? null : this.#endedUnasked();
        if (ended === null && !signal.aborted && !condition()) return;
        this.#waiting.delete(settle);
        signal.removeEventListener('abort', settle);
        if (ended === null) resolve();
        else reject(ended);
      };
      this.#waiting.add(settle);
      signal.addEventListener('abort', settle);
      settle();
    });
  }

  #endedUnasked(): TidingsError<'DEMO_SUBSCRIBER_ENDED'> | null {
    const running = this.#running;
    if (running === null || running.expectedToEnd) return null;
    const { pid, exitCode, signalCode } = running.child;
    if (pid !== undefined && exitCode === null && signalCode === null) return null;
    const status = signalCode ?? `exit code ${exitCode}`;
    const output = running.errors.join('\n') || 'It printed no reason.';
    return new TidingsError('DEMO_SUBSCRIBER_ENDED', { server: this.name, status, output });
  }
}

interface Running {
  readonly child: ChildProcess;
  /** It said that it listens. */
  ready: boolean;
  readonly errors: string[];
  expectedToEnd: boolean;
  readonly ended: Promise<void>;
}

function untilClosed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    // A process that could not be started does not close.
    child.once('error', () => resolve());
  });
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream === null) throw new Error('A mail server was started without pipes');
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
}
