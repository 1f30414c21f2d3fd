import { lstatSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** A system user that a server can run as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` on most systems, for those whose user list does not name it. */
const NOBODY: Account = { uid: 65_534, gid: 65_534 };

/**
 * The user to run PostgreSQL as; null means the present one. PostgreSQL refuses to run as root, so
 * root steps down: to whoever owns the database already, else to the user behind `sudo`, else to
 * `postgres`, else to `nobody`.
 * @param data the database's folder, if there is one.
 */
export async function serverAccount(data: string | null): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  if (data !== null) {
    const { uid, gid } = lstatSync(data);
    if (uid !== 0) return { uid, gid };
  }
  const { SUDO_UID: uid, SUDO_GID: gid } = process.env;
  if (uid !== undefined && gid !== undefined && Number(uid) > 0) {
    return { uid: Number(uid), gid: Number(gid) };
  }
  const users = await readFile('/etc/passwd', 'utf8').catch(() => ''); // Not every system has one.
  return findAccount(users, 'postgres') ?? findAccount(users, 'nobody') ?? NOBODY;
}

function findAccount(users: string, name: string): Account | null {
  const [, , uid, gid] = users.match(new RegExp(`^${name}:.*$`, 'm'))?.[0].split(':') ?? [];
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}

/** Whether the account may pass through every folder down to this one. */
export function canReach(account: Account, path: string): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
