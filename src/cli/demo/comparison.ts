import { addressOf, type MailUser, type WrittenChange } from './mail-accounts.ts';
import type { Told } from './told.ts';

/** What one mail server was told, held against what the front end wrote. */
export interface HearingReport {
  readonly server: string;
  /** Changes of accounts that are or were its own. */
  readonly owed: number;
  /** Different changes that it was told. */
  readonly told: number;
  readonly missed: number;
  /** Told, but owed to somebody else or to nobody. */
  readonly unasked: number;
  /** Changes told after a later change of the same account. */
  readonly outOfOrder: number;
  /** Told once more; allowed only after a crash. */
  readonly repeated: number;
}

/** How the directories of one mail server agree with the table. */
export interface DirectoryReport {
  readonly server: string;
  /** Accounts that the table gives to this server. */
  readonly accounts: number;
  /** Those of them whose directory and quota are exactly as the row says. */
  readonly agreeing: number;
  /** What does not agree, a sentence each. */
  readonly differences: readonly string[];
}

/** An account as a mail server keeps it on its disk. */
export interface KeptAccount {
  readonly dba: string;
  readonly gid: string;
  readonly address: string;
  readonly quotaBytes: string;
}

/** Compares what somebody was told with what he was owed, account by account. */
export function compareHearing(
  server: string,
  owed: readonly WrittenChange[],
  told: readonly Told[],
): HearingReport {
  const unique = new Map(told.toReversed().map((call) => [call.change, call]));
  const open = new Map<string, number>();
  for (const change of owed) count(open, signatureOf(change), 1);
  let unasked = 0;
  for (const call of unique.values()) {
    const signature = `${call.operation} ${JSON.stringify(call.account)}`;
    if ((open.get(signature) ?? 0) > 0) count(open, signature, -1);
    else unasked += 1;
  }
  return {
    server,
    owed: owed.length,
    told: unique.size,
    missed: [...open.values()].reduce((sum, left) => sum + left, 0),
    unasked,
    outOfOrder: countOutOfOrder(told),
    repeated: told.length - unique.size,
  };
}

/**
 * Counts calls that came after a later change of the same account. A repetition is no such call: after
 * a crash delivery goes on from an older change.
 */
function countOutOfOrder(told: readonly Told[]): number {
  const newest = new Map<string, number>();
  const seen = new Set<string>();
  let outOfOrder = 0;
  for (const { account, change, offset } of told) {
    const dba = account?.dba ?? '';
    if (!seen.has(change) && offset < (newest.get(dba) ?? -1)) outOfOrder += 1;
    seen.add(change);
    newest.set(dba, Math.max(offset, newest.get(dba) ?? -1));
  }
  return outOfOrder;
}

/** Compares what somebody keeps with the rows that the table has for him. */
export function compareDirectories(
  server: string,
  own: readonly MailUser[],
  kept: readonly KeptAccount[],
): DirectoryReport {
  const found = new Map(kept.map((account) => [account.dba, JSON.stringify(account)]));
  const differences: string[] = [];
  for (const row of own) {
    const expected = toKept(row);
    const actual = found.get(expected.dba);
    if (actual === undefined) differences.push(`${server}: ${addressOf(row)} is not there`);
    else if (actual !== JSON.stringify(expected)) {
      differences.push(
        `${server}: ${addressOf(row)} is ${JSON.stringify(expected)} and not ${actual}`,
      );
    }
    found.delete(expected.dba);
  }
  const agreeing = own.length - differences.length;
  for (const dba of found.keys()) differences.push(`${server}: account ${dba} has no row`);
  return { server, accounts: own.length, agreeing, differences };
}

function signatureOf({ operation, before, after }: WrittenChange): string {
  const row = after ?? before;
  return `${operation} ${JSON.stringify(row === null ? null : toKept(row))}`;
}

function toKept(row: MailUser): KeptAccount {
  return {
    dba: String(row.dba),
    gid: String(row.gid),
    address: addressOf(row),
    quotaBytes: String(row.quota_bytes),
  };
}

function count(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
