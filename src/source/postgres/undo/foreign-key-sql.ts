import { quoteIdentifier } from '../quote.ts';
import { victims } from './check-rows.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import { sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';

/** Parent = child, column by column. */
export function fkEquals(key: ForeignKey, parent: string, child: string): string {
  return key.operators
    .map((operator, at) => {
      const collation = key.collations[at] ?? null;
      const left = `${parent}.${quoteIdentifier(key.parentColumns[at] ?? '')}`;
      const right = `${child}.${quoteIdentifier(key.childColumns[at] ?? '')}`;
      return `${left} ${operator} ${right}${collation === null ? '' : ` COLLATE ${collation}`}`;
    })
    .join(' AND ');
}

/** True for a row that goes; one that is changed in place is among those that come back. */
export function isRemoved(table: StagedTable, alias: string): string {
  return table.key === null
    ? `EXISTS (SELECT FROM ${victims(table)} v WHERE v.tid = ${alias}.ctid AND v.rel = ${alias}.tableoid)`
    : `EXISTS (SELECT FROM ${table.after} a WHERE ${sameKey(table, 'a', alias)})`;
}
