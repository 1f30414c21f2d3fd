/**
 * The one place where names and texts become part of an SQL statement. Values go as parameters;
 * this is for what cannot be one: identifiers, replication commands, and DDL.
 */

/**
 * A name in double quotes, always: then neither its case nor a keyword matters.
 * @throws RangeError for a name that PostgreSQL cannot have.
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) {
    throw new RangeError(`${JSON.stringify(name)} is no identifier`);
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** `"schema"."table"`. */
export function quoteTable(table: { readonly schema: string; readonly name: string }): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}

/**
 * A text literal. A backslash makes it an `E''` literal: there it means the same whatever
 * `standard_conforming_strings` says.
 * @throws RangeError for a text that PostgreSQL cannot hold.
 */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('PostgreSQL has no texts with a NUL character');
  const quoted = text.replaceAll("'", "''");
  return text.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}
