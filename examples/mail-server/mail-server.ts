/**
 * The mail server's side of "Ten mail servers": accounts are rows of `public.mail_users`, and each
 * machine keeps a directory with a quota for every account whose `server` column has its name.
 *
 *     DATABASE_URL=postgresql://… node mail-server.ts mail-1 --mail /var/mail --data /var/lib/tidings
 *
 * It prints a line of JSON for each change that it was told of. See README.md.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type Change, createTidings, type Row } from 'tidings';
import { type Account, MailDirectories } from './mail-directories.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mail: { type: 'string', default: 'mail' },
    data: { type: 'string', default: '.tidings' },
  },
});
const [server] = positionals;
const url = process.env['DATABASE_URL'];
if (server === undefined || !/^[a-z][a-z0-9-]*$/.test(server) || url === undefined) {
  process.stderr.write(
    'Usage: DATABASE_URL=… node mail-server.ts NAME [--mail DIR] [--data DIR]\n',
  );
  process.exit(64);
}

const directories = new MailDirectories(values.mail);

await using tidings = await createTidings({
  dataDir: values.data,
  sources: { [server]: { url, tables: ['public.mail_users'] } },
});

tidings.register(server, 'public.mail_users', {
  // Updates that touch only other columns, such as the time of the last login, are not sent.
  columns: ['gid', 'dba', 'username', 'domain', 'quota_bytes', 'server'],
  // `before` too: of an account that moves to another machine we have to hear that it left.
  // A truncate has no rows, and is everybody's.
  where: `before.server == "${server}" || after.server == "${server}" || operation == "truncate"`,
  async insert(row, change) {
    await report(change, () => keep(row));
  },
  async update(row, change) {
    await report(change, async () => {
      const before = read(change.before ?? row, 'dba');
      const after = read(row, 'dba');
      if (before !== after) await directories.renumber(before, after);
      return row['server'] === server ? keep(row) : remove(row);
    });
  },
  async delete(row, change) {
    await report(change, () => remove(row));
  },
  async truncate(_row, change) {
    await report(change, async () => {
      await directories.removeAll();
      return 'all removed';
    });
  },
});

await tidings.start();
print({ listening: server });
// `finished` rejects when the service cannot go on, for instance because its slot was dropped.
await Promise.race([untilAsked(), tidings.finished]);
await tidings.drain();

async function keep(row: Row): Promise<string> {
  return await directories.keep(toAccount(row));
}

async function remove(row: Row): Promise<string> {
  await directories.remove(read(row, 'dba'));
  return 'removed';
}

function toAccount(row: Row): Account {
  return {
    dba: read(row, 'dba'),
    gid: read(row, 'gid'),
    address: `${read(row, 'username')}@${read(row, 'domain')}`,
    quotaBytes: read(row, 'quota_bytes'),
  };
}

/** A column as text; integers beyond 2^53 come as text already. */
function read(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new Error(`Column ${column} of mail_users has no value`);
}

/** Does what the change asks for, then prints what was done and how long after the commit we heard. */
async function report(change: Change, act: () => Promise<string>): Promise<void> {
  const heardAt = performance.timeOrigin + performance.now();
  const done = await act();
  const row = change.after ?? change.before;
  print({
    at: new Date(heardAt).toISOString(),
    server,
    operation: change.operation,
    done,
    account: row === null ? null : toAccount(row),
    change: change.id,
    offset: change.offset,
    afterCommitMs:
      Math.round((heardAt - toMilliseconds(change.transaction.committedAt)) * 100) / 100,
  });
}

/** Date.parse stops at milliseconds; commit times have microseconds. */
function toMilliseconds(time: string): number {
  return Date.parse(time) + Number(time.slice(-4, -1)) / 1000;
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Until somebody stops us, or the program that started us is gone. */
async function untilAsked(): Promise<void> {
  const asked = new AbortController();
  await Promise.race(
    ['SIGINT', 'SIGTERM', 'disconnect'].map((sign) =>
      once(process, sign, { signal: asked.signal }),
    ),
  );
  asked.abort();
}
