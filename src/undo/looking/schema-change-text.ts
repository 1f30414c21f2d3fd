import type { NotedMigration } from './noted-migrations.ts';
import type { SchemaChange } from './schema-changes.ts';
import { differenceText } from './schema-difference.ts';

/** How many migrations are named one by one. */
const NAMED = 3;

/** `public.users was altered: + nickname (first seen at offset 812; Django users.0007 at 811)` */
export function schemaChangeText(change: SchemaChange): string {
  return `${change.table} was altered: ${particulars(change, '')}`;
}

/** The same of everything that happened between a change and now, with the time. */
export function schemaChangeSinceText(change: SchemaChange): string {
  const at = change.at === null ? '' : `, ${change.at}`;
  return `${change.table} was altered since: ${particulars(change, at)}.`;
}

function particulars(change: SchemaChange, at: string): string {
  const { offset, migrations } = change;
  const seen =
    offset === null ? 'the log has no change of it since' : `first seen at offset ${offset}${at}`;
  const named = migrations.slice(-NAMED).map(migrationText);
  const more = migrations.length - named.length;
  const others = more > 0 ? [`${more} more before that`] : [];
  const parts = [seen, ...(migrations.length === 0 ? [] : [[...named, ...others].join(', ')])];
  return `${differenceText(change)} (${parts.join('; ')})`;
}

/** What was noted while the columns became others; it need not have done it. */
function migrationText({ tool, name, reverted, offset }: NotedMigration): string {
  const what = reverted ? `${tool} took back` : tool;
  return `${what}${name === '' ? '' : ` ${name}`} at offset ${offset}`;
}
