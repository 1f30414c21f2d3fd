import type { LogRecord } from '../../../src/log/log.ts';
import type { World } from './world.ts';

/** What the log has of the schemas, for a person to read. */
export async function describeLog(
  world: World,
  schemas: readonly string[],
): Promise<readonly string[]> {
  await world.find('0');
  const records = await world.records({ from: 0, to: world.log.head });
  return records.filter(({ table }) => schemas.includes(table.schema)).map(describe);
}

function describe({ offset, transaction, operation, table, key }: LogRecord): string {
  const { origin, columns, identity } = table;
  const list = columns
    .map(({ number = '?', name, type }) => `${number}:${name} ${type}`)
    .join(', ');
  const partition = origin?.partition === undefined ? '' : ` from ${origin.partition.name}`;
  const known = table.keyUnknown === true ? 'unknown' : table.key.join(',');
  return `-- log ${offset} of ${transaction.id}: ${operation} ${table.schema}.${table.name}${partition} (${list}) key (${known}) ${identity}: ${key}`;
}
