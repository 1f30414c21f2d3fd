import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after } from 'node:test';
import type { Status } from '../../src/app/status/status.ts';

/** What a finished command printed. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a `tidings` command to its end, as a user would. */
export async function tidings(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const child = start(args, options);
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) =>
    stream === null ? Promise.resolve(Buffer.of()) : buffer(stream),
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, stdout: String(await stdout), stderr: String(await stderr) };
}

/** What a failed test leaves running would keep its file, and so all tests, from ending. */
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Has this process killed when the tests of the file are over. */
export function endWithTests(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Starts a `tidings` command and leaves it running. */
export function start(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): ChildProcess {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../../src/cli/main.ts'), ...args],
    {
      cwd: options.cwd ?? tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...options.env },
    },
  );
  return endWithTests(child);
}

/** A folder with a configuration file; removed at the end. */
export interface Project extends Disposable {
  readonly directory: string;
  readonly dataDir: string;
  readonly config: string;
  status(): Promise<Status>;
}

/** Makes a folder with a configuration file for one source, `main`. */
export function project(
  url: string,
  options: {
    readonly tables?: readonly string[];
    readonly subscriptions?: Readonly<Record<string, unknown>>;
    readonly log?: Readonly<Record<string, unknown>>;
    readonly dataDir?: string;
  } = {},
): Project {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-project-'));
  const dataDir = options.dataDir ?? join(directory, 'data');
  const config = join(directory, 'tidings.config.json');
  writeFileSync(
    config,
    JSON.stringify({
      dataDir,
      sources: { main: { url, tables: options.tables ?? ['public.*'] } },
      ...(options.subscriptions === undefined ? {} : { subscriptions: options.subscriptions }),
      ...(options.log === undefined ? {} : { log: options.log }),
    }),
  );
  return {
    directory,
    dataDir,
    config,
    async status() {
      const { stdout } = await tidings(['status', '--json', '--config', config]);
      return JSON.parse(stdout) as Status;
    },
    [Symbol.dispose]() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Sends SIGTERM and waits for the end; the exit code. */
export async function drain(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const ended = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGTERM');
  const [code] = await ended;
  return code;
}
