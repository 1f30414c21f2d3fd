import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a mail server has to know of an account: a row of `mail_users`, its numbers as text. */
export interface Account {
  /** The account's number. It never changes and is never given away again. */
  readonly dba: string;
  /** The group that its files belong to. */
  readonly gid: string;
  /** user@domain. */
  readonly address: string;
  readonly quotaBytes: string;
}

const QUOTA_FILE = 'quota';

/**
 * The accounts of one machine as directories: a maildir (`cur`, `new`, `tmp`) and a `quota` file each.
 *
 * A directory is named after the account's number and not its address. Changes of one row come in
 * order, those of different rows side by side: were directories named after addresses, deleting
 * ann@example.org could overtake the making of a new account with the same address, and remove it.
 *
 * Every operation states how things shall be and may be repeated: after a crash the last ones are.
 */
export class MailDirectories {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Makes the account's directory, or brings its quota file up to date. */
  async keep(account: Account): Promise<'made' | 'quota set'> {
    const directory = this.directory(account.dba);
    const made = await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const part of ['cur', 'new', 'tmp']) {
      await mkdir(join(directory, 'Maildir', part), { recursive: true, mode: 0o700 });
    }
    // Renaming replaces the file at once, so nobody reads half a quota; and what was acknowledged has
    // to outlast a power cut, so it is on the disk before.
    const file = join(directory, QUOTA_FILE);
    await writeFile(`${file}.new`, writeQuota(account), { flush: true });
    await rename(`${file}.new`, file);
    return made === undefined ? 'quota set' : 'made';
  }

  /** Gives the directory another number; its mail stays. */
  async renumber(from: string, to: string): Promise<void> {
    try {
      await rename(this.directory(from), this.directory(to));
    } catch (error) {
      // Repeated after a crash, or new on this machine: `keep` makes what is missing.
      if (!isMissing(error)) throw error;
    }
  }

  /** Removes the account's directory with its mail. */
  async remove(dba: string): Promise<void> {
    await rm(this.directory(dba), { recursive: true, force: true });
  }

  async removeAll(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  /** @throws Error for a number that is none: it would be a path to somewhere else. */
  directory(dba: string): string {
    if (!/^\d{1,20}$/.test(dba)) throw new Error(`${JSON.stringify(dba)} is no account number`);
    return join(this.root, dba);
  }
}

function writeQuota({ address, gid, quotaBytes }: Account): string {
  return `${JSON.stringify({ address, gid, quota_bytes: quotaBytes })}\n`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
