import { createInterface } from 'node:readline/promises';
import { untilWoken } from '../util/until-woken.ts';
import type { WriteStream } from 'node:tty';
import type { Io, Output } from './io.ts';

/** Shells report a process that SIGINT ended with 128 + 2. */
export const EXIT_INTERRUPTED = 130;

/** The real process. Installs handlers for SIGINT and SIGTERM; a second signal ends it at once. */
export function processIo(): Io {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Somebody who asks twice does not want to wait for the drain.
      if (interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED);
      interrupt.abort();
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // `tidings tail | head`: the reader has what it wanted.
      if (error.code !== 'EPIPE') throw error;
      interrupt.abort();
    });
  }
  return {
    stdout: new StreamOutput(process.stdout, interrupt.signal),
    stderr: new StreamOutput(process.stderr, interrupt.signal),
    env: process.env,
    cwd: process.cwd(),
    signal: interrupt.signal,
    ask: process.stdin.isTTY ? (question) => askPerson(question, interrupt.signal) : null,
  };
}

async function askPerson(question: string, signal: AbortSignal): Promise<string> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // While it reads a line, Ctrl-C comes as a key and not as a signal.
  prompt.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return (await prompt.question(question, { signal })).trim();
  } finally {
    prompt.close();
  }
}

class StreamOutput implements Output {
  readonly #stream: WriteStream;
  readonly #signal: AbortSignal;

  constructor(stream: WriteStream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY;
  }

  get colour(): boolean {
    // Only a terminal has the method; it looks at NO_COLOR, FORCE_COLOR and TERM.
    return this.#stream.isTTY && this.#stream.hasColors();
  }

  get columns(): number {
    return this.#stream.isTTY ? this.#stream.columns : 80;
  }

  write(text: string): void {
    this.#stream.write(text);
  }

  async drained(): Promise<void> {
    if (!this.#stream.writableNeedDrain) return;
    await untilWoken(this.#signal, (wake) => {
      this.#stream.once('drain', wake);
      return () => void this.#stream.off('drain', wake);
    });
  }
}
