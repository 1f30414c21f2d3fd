import { createRequire } from 'node:module';
import type * as Acorn from 'acorn';
import type { AnyNode, Expression, ObjectExpression, Program, Property } from 'acorn';

/**
 * The offset at which a module in JavaScript writes a key of the object that it exports; null where
 * its text alone does not tell. That is so for whatever is computed, spread or brought in from
 * elsewhere: a wrong line would be worse than none.
 *
 * It follows `export default` and `module.exports =` through `defineConfig(…)` and a `const`.
 */
export function offsetOfKey(text: string, path: readonly string[]): number | null {
  const program = parse(text);
  const exported = program === null ? null : exportedValue(program);
  let object = program === null || exported === null ? null : objectOf(program, exported);
  let at: number | null = null;
  for (const name of path) {
    const member: Property | null = object === null ? null : findMember(object, name);
    if (member === null) return null;
    at = member.key.start;
    object = member.value.type === 'ObjectExpression' ? member.value : null;
  }
  return at;
}

/** Only a configuration with a mistake in it is parsed, so the parser is loaded then. */
function parse(text: string): Program | null {
  const { parse: read } = createRequire(import.meta.url)('acorn') as typeof Acorn;
  for (const sourceType of ['module', 'script'] as const) {
    try {
      return read(text, { ecmaVersion: 'latest', sourceType, allowHashBang: true });
    } catch {
      // As a script, then; and what is neither was written for another loader.
    }
  }
  return null;
}

/** What a module exports, when it is exported once, and by a statement of the module itself. */
function exportedValue({ body }: Program): AnyNode | null {
  const values = body.flatMap((statement): readonly AnyNode[] => {
    if (statement.type === 'ExportDefaultDeclaration') return [statement.declaration];
    if (statement.type !== 'ExpressionStatement') return [];
    const { expression } = statement;
    if (expression.type !== 'AssignmentExpression' || expression.operator !== '=') return [];
    return isExports(expression.left) ? [expression.right] : [];
  });
  const [value] = values;
  // Named once more, it is changed or replaced somewhere.
  const isTouched = values.length !== 1 || countNames(body, 'exports') > 1;
  return value === undefined || isTouched ? null : value;
}

/** `module.exports`, and `exports.default`, as compilers write it. */
function isExports(node: AnyNode): boolean {
  if (node.type !== 'MemberExpression' || node.computed) return false;
  const { object, property } = node;
  const name = object.type === 'Identifier' && property.type === 'Identifier';
  return name && ['module.exports', 'exports.default'].includes(`${object.name}.${property.name}`);
}

/** The literal that a value is or, by the name of a constant, stands for. */
function objectOf(program: Program, value: AnyNode): ObjectExpression | null {
  if (value.type === 'ObjectExpression') return value;
  if (value.type === 'CallExpression') {
    const [argument, ...others] = value.arguments;
    const { callee } = value;
    const isDefine = callee.type === 'Identifier' && callee.name === 'defineConfig';
    return isDefine && argument !== undefined && others.length === 0
      ? objectOf(program, argument)
      : null;
  }
  const constant = value.type === 'Identifier' ? valueOfConstant(program, value.name) : null;
  return constant === null ? null : objectOf(program, constant);
}

/** The value of a constant that nothing names but its declaration and the export. */
function valueOfConstant({ body }: Program, name: string): Expression | null {
  if (countNames(body, name) !== 2) return null;
  for (const statement of body) {
    if (statement.type !== 'VariableDeclaration' || statement.kind !== 'const') continue;
    for (const { id, init } of statement.declarations) {
      if (id.type === 'Identifier' && id.name === name) return init ?? null;
    }
  }
  return null;
}

/** The member of a literal that decides: the last of that name, if nothing unknown follows it. */
function findMember({ properties }: ObjectExpression, name: string): Property | null {
  let found: Property | null = null;
  for (const property of properties) {
    // A spread, a computed name, a method or an accessor may say the same again.
    const isPlain =
      property.type === 'Property' &&
      property.kind === 'init' &&
      !property.computed &&
      !property.method;
    if (!isPlain) found = null;
    else if (nameOf(property) === name) found = property;
  }
  return found;
}

function nameOf({ key }: Property): string | null {
  if (key.type === 'Identifier') return key.name;
  return key.type === 'Literal' ? String(key.value) : null;
}

/** How often a name stands in a part of the program, whatever it means there. */
function countNames(part: unknown, name: string): number {
  if (Array.isArray(part)) {
    return part.reduce((sum: number, each) => sum + countNames(each, name), 0);
  }
  if (typeof part !== 'object' || part === null) return 0;
  const own = Reflect.get(part, 'type') === 'Identifier' && Reflect.get(part, 'name') === name;
  // A shorthand `{ name }` has the same node as its key and its value.
  return Object.values(part).reduce(
    (sum: number, each) => sum + countNames(each, name),
    own ? 1 : 0,
  );
}
