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
  where: `before.server == "${server}" || after.server == "${server}"`,
  async insert(row, change) {
    await report(change, () => keep(row));
  },
  async update(row, change) {
    await report(change, async () => {
      const before = change.before?.['dba'];
      if (before !== undefined && before !== row['dba']) {
        await directories.renumber(String(before), String(row['dba']));
      }
      return row['server'] === server ? keep(row) : remove(row);
    });
  },
  async delete(row, change) {
    await report(change, () => remove(row));
  },
});

await tidings.start();
print({ listening: server });
await untilAsked();
await tidings.drain();

async function keep(row: Row): Promise<string> {
  return await directories.keep(toAccount(row));
}

async function remove(row: Row): Promise<string> {
  await directories.remove(String(row['dba']));
  return 'directory removed';
}

/** Numbers become text: a quota beyond 2^53 comes as text already. */
function toAccount(row: Row): Account {
  return {
    dba: String(row['dba']),
    gid: String(row['gid']),
    address: `${String(row['username'])}@${String(row['domain'])}`,
    quotaBytes: String(row['quota_bytes']),
  };
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
