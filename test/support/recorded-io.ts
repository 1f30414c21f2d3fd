import assert from 'node:assert/strict';
import type { Io, Output } from '../../src/cli/io.ts';

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

/**
 * A process for commands under test: what they write is kept, and nobody is there unless said so.
 * Without variables of a package manager in `env` it is one that `npx` began. Every command that it
 * suggests then has to begin with that, which is left out again of what is kept: tests are about the
 * rest of it.
 */
export interface RecordedIo extends Io {
  readonly written: { out: string; err: string };
  /** What was asked. */
  readonly questions: readonly string[];
  /** As Ctrl-C does. */
  interrupt(): void;
}

export function recordedIo(options: RecordedIoOptions = {}): RecordedIo {
  const { terminal = false, colour = terminal, columns = 80, answers } = options;
  const { env = {} } = options;
  const asTyped = NPX in env;
  const written = { out: '', err: '' };
  const questions: string[] = [];
  const interrupt = new AbortController();
  const output = (name: 'out' | 'err'): Output => ({
    isTerminal: terminal,
    colour,
    columns,
    write: (text) => void (written[name] += asTyped ? text : withoutNpx(text)),
    drained: () => Promise.resolve(),
  });
  const ask = (question: string): Promise<string> => {
    questions.push(question);
    return Promise.resolve(answers?.[questions.length - 1] ?? '');
  };
  return {
    stdout: output('out'),
    stderr: output('err'),
    env: asTyped ? env : { ...env, [NPX]: 'npm/11.6.0 node/v24' },
    cwd: options.cwd ?? '/nowhere',
    signal: interrupt.signal,
    ask: answers === undefined ? null : ask,
    written,
    questions,
    interrupt: () => interrupt.abort(),
  };
}

const NPX = 'npm_config_user_agent';

function withoutNpx(text: string): string {
  assert.doesNotMatch(text, PLAIN, 'a command that CommandLines has not written');
  return text.replaceAll('npx tidings', 'tidings');
}

/** A command that is not begun as the one that suggests it was; what a file was made by is for all. */
const PLAIN =
  /(?<!npx )(?<!Made by `)(?<![\w/.-])tidings (?:completion|deliveries|demo|doctor|find|health|history|init|listen|log|show|start|status|subscriptions|table|tail|trigger-test|types|undo|uninstall)\b/;
