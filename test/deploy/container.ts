import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { endWithTests, type Finished } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';
import { type Image, ROOT } from './dockerfile.ts';

/** A process that sees what a container of the image would, as far as that can be had without Docker. */
export interface Container extends AsyncDisposable {
  readonly process: ChildProcess;
  /** What it has written so far. */
  readonly output: { text: string };
  /** Of its first process, as this machine sees it. */
  readonly pid: number;
  /** Runs another program in it, as `docker exec` does. */
  readonly exec: (words: readonly string[]) => Promise<Finished>;
}

/** The files of an image; disposing removes them. */
export interface ImageFiles extends Disposable {
  readonly image: Image;
  readonly root: string;
}

/** Whether this machine lets us make namespaces and mount things in them. */
export function canContain(): boolean {
  return process.platform === 'linux' && spawnSync('unshare', ['-mp', 'true']).status === 0;
}

/**
 * Starts the image's entry point in namespaces of its own: as the first process there, with a root
 * that is read-only but for its volume and /tmp, as the image's user and without capabilities. The
 * network and the C library are those of this machine.
 */
export async function startContainer(
  { image, root }: ImageFiles,
  variables: Readonly<Record<string, string>>,
): Promise<Container> {
  const env = { ...image.env, ...variables, HOME: '/', PATH: '/usr/local/bin:/usr/bin:/bin' };
  const words = [...image.entrypoint, ...image.command];
  const inner = [root, image.user, image.workdir, image.volumes[0] ?? '', ...words];
  const script = join(import.meta.dirname, 'container.sh');
  const child = endWithTests(
    spawn('unshare', ['-mp', '--fork', '--kill-child', 'sh', script, ...inner], { env }),
  );
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output.text += String(chunk)));
  }
  const pid = await firstProcess(child, output);
  return {
    process: child,
    output,
    pid,
    exec: (run) => execInside(pid, image, env, run),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await until(() => child.exitCode !== null || child.signalCode !== null);
    },
  };
}

/**
 * Lays out the folder as the image has it: what is built is copied as the COPY instructions say.
 * @param secrets by their path there.
 */
export function layOutImage(image: Image, secrets: Readonly<Record<string, string>>): ImageFiles {
  const root = mkdtempSync(join(tmpdir(), 'tidings-container-'));
  chmodSync(root, 0o755);
  const [uid = 0, gid = 0] = image.user.split(':').map(Number);
  const built = buildStage(root);
  for (const [from, to] of image.copied) {
    const target = to.endsWith('/') ? join(to, basename(from)) : to;
    cpSync(join(built, relative('/src', from)), join(root, target), { recursive: true });
  }
  rmSync(built, { recursive: true });
  cpSync(join(ROOT, 'src'), join(root, 'app/src'), { recursive: true });
  for (const folder of ['proc', 'dev', 'tmp', 'usr/local/bin', image.workdir, '/run/secrets']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  cpSync(process.execPath, join(root, 'usr/local/bin/node'));
  for (const volume of image.volumes) {
    mkdirSync(join(root, volume));
    chownSync(join(root, volume), uid, gid);
    chmodSync(join(root, volume), 0o700);
  }
  cpSync(join(ROOT, 'deploy/config'), join(root, image.workdir), { recursive: true });
  for (const [path, text] of Object.entries(secrets)) {
    writeFileSync(join(root, path), text, { mode: 0o400 });
    chownSync(join(root, path), uid, gid);
  }
  return { image, root, [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
}

/** What the build stage leaves in /src, but for what the compiler makes of the sources. */
function buildStage(root: string): string {
  const built = join(root, 'src');
  for (const name of ['package.json', 'bin', 'docs']) {
    cpSync(join(ROOT, name), join(built, name), { recursive: true });
  }
  // The compiler would take longer than everything else here; test/package.pg.test.ts tries its output.
  mkdirSync(join(built, 'dist'));
  for (const path of runtimePackages()) {
    // One that lies in another comes with it.
    if (path.lastIndexOf('node_modules/') === 0) {
      cpSync(join(ROOT, path), join(built, path), { recursive: true });
    }
  }
  return built;
}

/** As `npm ci --omit=dev --omit=optional` installs them. */
function runtimePackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(lock.packages).flatMap(([path, { dev, optional, devOptional }]) =>
    path === '' || dev === true || optional === true || devOptional === true ? [] : [path],
  );
}

async function firstProcess(child: ChildProcess, output: { text: string }): Promise<number> {
  const { pid } = child;
  let first = 0;
  await until(() => {
    if (child.exitCode !== null) throw new Error(`it ended: ${output.text}`);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    first = Number(children);
    if (first === 0) return false;
    const name = readFileSync(`/proc/${first}/comm`, 'utf8').trim();
    return !['sh', 'setpriv', 'unshare'].includes(name);
  });
  return first;
}

function execInside(
  pid: number,
  image: Image,
  env: Readonly<Record<string, string>>,
  words: readonly string[],
): Promise<Finished> {
  const [uid = '', gid = ''] = image.user.split(':');
  const into = ['-t', String(pid), '-m', '-p', '-r', '-w', '--setuid', uid, '--setgid', gid];
  const child = endWithTests(spawn('nsenter', [...into, ...words], { env }));
  const written = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (written.stdout += String(chunk)));
  child.stderr?.on('data', (chunk: Buffer) => (written.stderr += String(chunk)));
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, ...written }));
  });
}
