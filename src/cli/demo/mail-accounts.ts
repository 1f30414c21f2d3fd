/** A row of the demo's `public.mail_users`, as the database reports it. */
export interface MailUser {
  readonly dba: number;
  readonly gid: number;
  readonly username: string;
  readonly domain: string;
  readonly quota_bytes: number;
  readonly server: string;
}

/** A row change that the front end made: what every mail server's hearing is compared with. */
export interface WrittenChange {
  readonly operation: 'insert' | 'update' | 'delete';
  readonly before: MailUser | null;
  readonly after: MailUser | null;
}

/** The columns that the mail servers registered for. */
export const HEARD_COLUMNS = ['gid', 'dba', 'username', 'domain', 'quota_bytes', 'server'] as const;

/**
 * The schema of the demo. `dba` is the account's number, `gid` the group its files belong to.
 *
 * Replica identity full, because a mail server has to hear that an account *was* its own.
 */
export const MAIL_SCHEMA = `
create table public.mail_users (
  dba           bigint generated always as identity (start with 1001) primary key,
  gid           integer not null check (gid >= 0),
  username      text not null check (username ~ '^[a-z0-9][a-z0-9._-]*$'),
  domain        text not null check (domain ~ '^[a-z0-9][a-z0-9.-]*$'),
  quota_bytes   bigint not null default 1000000000 check (quota_bytes >= 0),
  server        text not null check (server ~ '^mail-[0-9]+$'),
  last_login_at timestamptz,
  unique (username, domain)
);
alter table public.mail_users replica identity full;
`;

/** Which of the changes a mail server is owed: of accounts that are or were its own. */
export function owedTo(server: string, written: readonly WrittenChange[]): WrittenChange[] {
  return written.filter(
    (change) =>
      (change.before?.server === server || change.after?.server === server) && isHeard(change),
  );
}

/** Which of the changes the customer database is owed: of all accounts. */
export function owedToAll(written: readonly WrittenChange[]): WrittenChange[] {
  return written.filter(isHeard);
}

function isHeard({ before, after }: WrittenChange): boolean {
  if (before === null || after === null) return true;
  return HEARD_COLUMNS.some((column) => before[column] !== after[column]);
}

export function addressOf(account: { readonly username: string; readonly domain: string }): string {
  return `${account.username}@${account.domain}`;
}
