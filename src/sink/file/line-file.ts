import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Rotation } from './file-settings.ts';
import { isFull, rotatedName } from './rotation.ts';
import { unfinishedLine } from './unfinished-line.ts';

/** The file as it is open. */
interface OpenFile {
  readonly handle: FileHandle;
  /** False for a device or a pipe, which has neither a size nor anything to sync. */
  readonly regular: boolean;
  readonly device: number;
  readonly inode: number;
  bytes: number;
  writtenAt: number;
}

/**
 * A file of whole lines. Who else renames or removes it, as logrotate does, may do so between any
 * two lines: the next ones go to a file of its name.
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
    return (this.#rotation.size ?? Infinity) - (this.#file?.bytes ?? 0);
  }

  /** Makes the file ready for the next lines: there, whole, and not full. */
  async prepare(): Promise<void> {
    if (this.#file !== null && !(await this.#isStillThere(this.#file))) await this.close();
    this.#file ??= await this.#open();
    const { regular, bytes, writtenAt } = this.#file;
    if (regular && isFull(this.#rotation, { bytes, at: writtenAt }, Date.now())) {
      await this.close();
      await this.#rename();
      this.#file = await this.#open();
    }
  }

  /**
   * Appends whole lines; when it resolves they outlive a crash of the machine. When it rejects, none
   * of them is in the file: a part of them would be taken for a change.
   */
  async append(lines: Buffer): Promise<void> {
    const file = this.#file;
    if (file === null) throw new Error('Lines for a file that was not prepared');
    try {
      await file.handle.appendFile(lines);
      if (file.regular) await file.handle.datasync();
    } catch (error) {
      await this.#takeBack(file);
      throw error;
    }
    file.bytes += lines.length;
    file.writtenAt = Date.now();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #takeBack({ handle, regular, bytes }: OpenFile): Promise<void> {
    try {
      if (regular) await handle.truncate(bytes);
    } catch {
      // Opening it again finds the line that has no end.
    }
    // After a failed sync nobody knows what of the file is on disk: only a new handle asks again.
    await this.close();
  }

  async #isStillThere({ device, inode }: OpenFile): Promise<boolean> {
    try {
      const { dev, ino } = await stat(this.#path);
      return dev === device && ino === inode;
    } catch {
      // It is gone, or its folder cannot be read; opening it says which.
      return false;
    }
  }

  async #open(): Promise<OpenFile> {
    await mkdir(dirname(this.#path), { recursive: true });
    const { O_APPEND, O_CREAT, O_RDWR, O_WRONLY } = constants;
    // Reading is for the end of a file that is there. A pipe is written to only.
    const there = await stat(this.#path).catch(() => null);
    const regular = there === null || there.isFile();
    const handle = await open(
      this.#path,
      O_APPEND | O_CREAT | (regular ? O_RDWR : O_WRONLY),
      0o640,
    );
    try {
      const { dev, ino, mtimeMs, size } = await handle.stat();
      const unfinished = regular ? await unfinishedLine(handle, size, this.#path) : 0;
      if (unfinished > 0) await handle.truncate(size - unfinished);
      if (there === null) await syncFolder(dirname(this.#path));
      const bytes = size - unfinished;
      return { handle, regular, device: dev, inode: ino, bytes, writtenAt: mtimeMs };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #rename(): Promise<void> {
    const now = Date.now();
    for (let nth = 0; ; nth += 1) {
      const name = rotatedName(this.#path, now, nth);
      if ((await stat(name).catch(() => null)) !== null) continue;
      await rename(this.#path, name);
      await syncFolder(dirname(this.#path));
      return;
    }
  }
}

/** A file's name outlives a crash of the machine only once its folder is on disk. */
async function syncFolder(path: string): Promise<void> {
  // Windows has no such thing, and refuses to open a folder.
  if (process.platform === 'win32') return;
  await using folder = await open(path, constants.O_RDONLY);
  await folder.sync();
}
