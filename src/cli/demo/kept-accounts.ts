import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { KeptAccount } from './comparison.ts';

const quotaSchema = z.object({ address: z.string(), gid: z.string(), quota_bytes: z.string() });

/**
 * The accounts that a mail server keeps, as found on the disk. It is read by code of its own, so that
 * a mistake of the handler's cannot hide itself. Of an account whose maildir is incomplete the address
 * says so, which agrees with no row.
 */
export function readKeptAccounts(mail: string): KeptAccount[] {
  if (!existsSync(mail)) return [];
  return readdirSync(mail)
    .sort((one, other) => one.localeCompare(other))
    .map((dba) => readAccount(mail, dba));
}

function readAccount(mail: string, dba: string): KeptAccount {
  const missing = ['Maildir/cur', 'Maildir/new', 'Maildir/tmp', 'quota'].filter(
    (part) => !existsSync(join(mail, dba, part)),
  );
  if (missing.length > 0) {
    return { dba, gid: '', address: `without ${missing.join(', ')}`, quotaBytes: '' };
  }
  const quota = quotaSchema.parse(JSON.parse(readFileSync(join(mail, dba, 'quota'), 'utf8')));
  return { dba, gid: quota.gid, address: quota.address, quotaBytes: quota.quota_bytes };
}
