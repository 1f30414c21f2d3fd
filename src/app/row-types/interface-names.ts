interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** The schema whose name is left out of names: where most have all their tables. */
const UNNAMED_SCHEMA = 'public';

/**
 * A name for the interface of each table, in their order: `mail_users` is `MailUsers`, and
 * `sales.orders` is `SalesOrders`. It depends on the table alone, so that a table that is added renames
 * no other, unless two would have the same name: then the later ones are numbered.
 * @param taken names that the file has otherwise.
 */
export function interfaceNames(
  tables: readonly TableName[],
  taken: readonly string[],
): readonly string[] {
  const wanted = tables.map(({ schema, name }) =>
    typeName(schema === UNNAMED_SCHEMA ? name : `${schema} ${name}`),
  );
  const reserved = new Set([...taken, ...wanted]);
  const given = new Set(taken);
  return wanted.map((name) => {
    const free = given.has(name) ? numbered(name, reserved) : name;
    given.add(free);
    reserved.add(free);
    return free;
  });
}

function numbered(name: string, reserved: ReadonlySet<string>): string {
  let number = 2;
  while (reserved.has(`${name}${number}`)) number += 1;
  return `${name}${number}`;
}

/** Words in PascalCase; what an identifier cannot have separates them. */
function typeName(text: string): string {
  const words = text.split(/[^\p{ID_Continue}]+|_+/u).filter((word) => word !== '');
  const joined = words.map(([first = '', ...rest]) => first.toUpperCase() + rest.join('')).join('');
  return /^\p{ID_Start}/u.test(joined) ? joined : `Table${joined}`;
}
