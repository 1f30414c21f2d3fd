import { TOOL_TABLES, type ToolTable } from '../../src/undo/migration-tools.ts';

/** The tables that an undo leaves out, and how each is recognised. */
export function migrationToolsPage(): string {
  return `<!-- Made by \`npm run docs\` from src/undo/migration-tools.ts. Changes here are lost. -->

# Bookkeeping of migration tools

Tables in which migration tools keep account of what they have done to the schema, in any schema. A table is one of them when it has the name *and* these columns with types of this kind. An undo leaves them as they are unless they are named ([undo](../guide/undo.md#migration-tools)).

| tool | table | columns | known from |
| --- | --- | --- | --- |
${TOOL_TABLES.map(line).join('')}`;
}

function line({ tool, table, columns, only, from }: ToolTable): string {
  const listed = Object.entries(columns).map(([name, kind]) => `\`${name}\` ${kind}`);
  const others = only === true ? ' and no others' : '';
  return `| ${tool} | \`${table}\` | ${listed.join(', ')}${others} | ${from} |\n`;
}
