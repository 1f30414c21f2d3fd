import type { TableMark } from '../change/mark.ts';
import { qualifiedName } from '../change/table.ts';
import type { TableName } from '../source/undo-target.ts';
import { shellWord } from '../errors/shell-word.ts';

/** Writes a table's name as the source's SQL has it. */
export type TableSql = (table: TableName) => string;

/** What a person can do about a mark: the statement that takes back what it tells of, where there is one. */
export function partitionRemedy(mark: TableMark, tableSql: TableSql): string {
  const { kind, partition, ...table } = mark;
  const link = linkOf(mark);
  if (kind === 'attached') {
    const hung =
      link === undefined ? '' : `: ${alterSql(link, tableSql)} DETACH PARTITION ${tableSql(link)};`;
    return `Detach it${hung === '' ? ', or the table of partitions that it came with.' : hung}`;
  }
  if (kind === 'detached') {
    if (link?.bounds !== undefined) {
      return `Attach it again: ${alterSql(link, tableSql)} ATTACH PARTITION ${tableSql(link)} ${link.bounds};`;
    }
    const whole = tableSql(table);
    const part = partition === null ? whole : tableSql(partition);
    return `Attach ${part} to ${whole} again with the bounds that it had: the log does not know them, but the migration that made it does, or a dump of the schema from before (pg_dump --schema-only).`;
  }
  const find = `tidings find --table ${shellWord(qualifiedName(table))}`;
  return `Its rows are only in a backup. Those that were changed are in the log: \`${find}\`.`;
}

type Link = Pick<NonNullable<TableMark['link']>, 'schema' | 'name' | 'parent' | 'bounds'>;

/** What was attached or detached; a log without it tells of the partition and the table alone. */
function linkOf({ kind, link, links, partition, schema, name }: TableMark): Link | undefined {
  if (link !== undefined || kind !== 'attached') return link;
  if (links !== undefined) return links.length === 1 ? links[0] : undefined;
  return partition === null ? undefined : { ...partition, parent: { schema, name } };
}

function alterSql({ parent }: Link, tableSql: TableSql): string {
  return `ALTER TABLE ${tableSql(parent)}`;
}
