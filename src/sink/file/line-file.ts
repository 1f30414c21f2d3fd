import { constants, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { Rotation } from './file-settings.ts';
import { isFull, rotatedName } from './rotation.ts';
import { unfinishedLine } from './unfinished-line.ts';

/** The file as it is open. */
interface OpenFile {
  readonly handle: FileHandle;
  /** The file itself, where the path is a link to it. */
  readonly target: string;
  /** False for a device or a pipe, which has neither a size nor anything to sync. */
  readonly regular: boolean;
  readonly device: number;
  readonly inode: number;
  bytes: number;
  writtenAt: number;
}

/** Files that are open, whatever their paths: two who append to one would tear each other's lines. */
const OPEN = new Set<string>();

/**
 * A file of whole lines. Who else renames, removes or empties it, as logrotate does, may do so between
 * any two lines: the next ones go to the file that has its name by then.
 */
export class LineFile implements AsyncDisposable {
  readonly #path: string;
  readonly #rotation: Rotation;
  #file: OpenFile | null = null;

  constructor(path: string, rotation: Rotation) {
    this.#path = path;
    this.#rotation = rotation;
  }

  /** How many bytes may still be appended before the file is full. */
  get room(): number {
    if (this.#file?.regular !== true) return Infinity;
    return (this.#rotation.size ?? Infinity) - this.#file.bytes;
  }

  /** Makes the file ready for the next lines: there, whole, and not full. */
  async prepare(): Promise<void> {
    if (this.#file !== null && !(await this.#isAsItWas(this.#file))) await this.close();
    this.#file ??= await this.#open();
    const { regular, target, bytes, writtenAt } = this.#file;
    if (regular && isFull(this.#rotation, { bytes, at: writtenAt }, Date.now())) {
      await this.close();
      await putAway(target);
      this.#file = await this.#open();
    }
  }

  /**
   * Appends whole lines; when it resolves they outlive a crash of the machine. When it rejects, none
   * is acknowledged, and what of them is in the file is taken out again where that can be done. What
   * cannot be taken out comes twice.
   */
  async append(lines: Buffer): Promise<void> {
    const file = this.#file;
    if (file === null) throw new Error('Lines for a file that was not prepared');
    try {
      await file.handle.appendFile(lines);
      if (file.regular) await file.handle.datasync();
    } catch (error) {
      await this.#takeBack(file, lines.length);
      throw error;
    }
    file.bytes += lines.length;
    file.writtenAt = Date.now();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    OPEN.delete(nameOf(file));
    await file.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #takeBack({ handle, regular, bytes }: OpenFile, length: number): Promise<void> {
    try {
      const { size } = await handle.stat();
      // Another size: somebody else has written to it, or emptied it. Then nothing of it is cut off.
      if (regular && size > bytes && size <= bytes + length) await handle.truncate(bytes);
    } catch {
      // A part of a line is found when it is opened again.
    }
    // After a failed sync nobody knows what of the file is on disk: only a new handle asks again.
    await this.close();
  }

  async #isAsItWas({ device, inode, regular, bytes }: OpenFile): Promise<boolean> {
    try {
      const { dev, ino, size } = await stat(this.#path);
      return dev === device && ino === inode && (!regular || size === bytes);
    } catch {
      // It is gone, or its folder cannot be read; opening it says which.
      return false;
    }
  }

  async #open(): Promise<OpenFile> {
    await makeFolder(dirname(this.#path));
    const there = await stat(this.#path).catch(() => null);
    const regular = there === null || there.isFile();
    const { O_APPEND, O_CREAT, O_RDWR, O_WRONLY } = constants;
    // Reading is for the end of a file that is there. A pipe is written to only.
    const flags = O_APPEND | O_CREAT | (regular ? O_RDWR : O_WRONLY);
    const handle = await open(this.#path, flags, 0o640);
    let name = '';
    try {
      const stats = await handle.stat();
      name = this.#claim(stats, regular);
      const target = regular ? await realpath(this.#path) : this.#path;
      const bytes = regular ? await wholeLines(handle, stats.size, this.#path) : 0;
      // Whoever opened it before may have failed to.
      if (regular) await syncFolder(dirname(target));
      const { dev: device, ino: inode, mtimeMs: writtenAt } = stats;
      return { handle, target, regular, device, inode, bytes, writtenAt };
    } catch (error) {
      OPEN.delete(name);
      await handle.close();
      throw error;
    }
  }

  #claim({ dev, ino }: Stats, regular: boolean): string {
    const name = nameOf({ device: dev, inode: ino });
    if (!regular) return '';
    if (OPEN.has(name)) throw new TidingsError('FILE_SHARED', { path: this.#path });
    OPEN.add(name);
    return name;
  }
}

function nameOf({ device, inode }: Pick<OpenFile, 'device' | 'inode'>): string {
  return `${device}:${inode}`;
}

/** Cuts off a line that a crash left without its end; returns how many bytes stay. */
async function wholeLines(handle: FileHandle, size: number, path: string): Promise<number> {
  const unfinished = await unfinishedLine(handle, size, path);
  if (unfinished > 0) await handle.truncate(size - unfinished);
  return size - unfinished;
}

/** Renames a full file after the time; a new one may take its name. */
async function putAway(path: string): Promise<void> {
  const now = Date.now();
  for (let nth = 0; ; nth += 1) {
    const name = rotatedName(path, now, nth);
    if ((await stat(name).catch(() => null)) !== null) continue;
    await rename(path, name);
    await syncFolder(dirname(path));
    return;
  }
}

/** Makes a folder with those above it; all that are new outlive a crash of the machine. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.startsWith(first); made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

/** A file's name outlives a crash of the machine only once its folder is on disk. */
async function syncFolder(path: string): Promise<void> {
  // Windows has no such thing, and refuses to open a folder.
  if (process.platform === 'win32') return;
  await using folder = await open(path, constants.O_RDONLY);
  await folder.sync();
}
