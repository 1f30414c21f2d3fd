import type { Io, Output } from '../src/cli/io.ts';

export interface RecordedIoOptions {
  /** Both streams are a terminal with colour. Default: false. */
  readonly terminal?: boolean;
  /** Default: that of a terminal. */
  readonly colour?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What a person answers, in order; without it nobody can be asked. */
  readonly answers?: readonly string[];
}

/** A process for commands under test: what they write is kept, and nobody is there unless said so. */
export interface RecordedIo extends Io {
  readonly written: { out: string; err: string };
  /** What was asked. */
  readonly questions: readonly string[];
  /** As Ctrl-C does. */
  interrupt(): void;
}

export function recordedIo(options: RecordedIoOptions = {}): RecordedIo {
  const { terminal = false, colour = terminal, columns = 80, answers } = options;
  const written = { out: '', err: '' };
  const questions: string[] = [];
  const interrupt = new AbortController();
  const output = (name: 'out' | 'err'): Output => ({
    isTerminal: terminal,
    colour,
    columns,
    write: (text) => void (written[name] += text),
    drained: () => Promise.resolve(),
  });
  const ask = (question: string): Promise<string> => {
    questions.push(question);
    return Promise.resolve(answers?.[questions.length - 1] ?? '');
  };
  return {
    stdout: output('out'),
    stderr: output('err'),
    env: options.env ?? {},
    cwd: options.cwd ?? '/nowhere',
    signal: interrupt.signal,
    ask: answers === undefined ? null : ask,
    written,
    questions,
    interrupt: () => interrupt.abort(),
  };
}
