import type { ValueForm, ValueType } from '../../change/dialect.ts';

/** Pieces of TypeScript. Names and comments come from a database and may hold anything. */

/** What would end a line or a comment, or show a text as another one than it is. */
const NOT_PLAIN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function escaped(text: string): string {
  return text.replace(NOT_PLAIN, (character) =>
    Array.from({ length: character.length }, (_, index) =>
      unitText(character.charCodeAt(index)),
    ).join(''),
  );
}

function unitText(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

/** A string literal. */
export function quoted(text: string): string {
  return `'${escaped(text.replace(/[\\']/g, '\\$&'))}'`;
}

/** A name as a property has it: quoted unless it is plain. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);
}

/** What follows `//`, on one line. */
export function lineComment(text: string): string {
  return `// ${escaped(text)}`;
}

/** A JSDoc comment with a line break at its end; empty for no paragraphs. */
export function docComment(paragraphs: readonly string[], indent = ''): string {
  const lines = paragraphs
    .join('\n\n')
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => escaped(line.trimEnd()).replaceAll('*/', '*\\/'));
  if (lines.every((line) => line === '')) return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  const body = lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`);
  return `${indent}/**\n${body.join('')}${indent} */\n`;
}

/** The type of a column's values, as `tidings` exports what it is made of. */
export function typeText({ types, array }: ValueForm, nullable: boolean): string {
  const each = types.map(valueText);
  // An enumeration may have no label, and then there is no value.
  const one = each.length === 0 ? 'never' : each.join(' | ');
  const whole = array ? `ArrayValue<${one}>` : one;
  // JSON has a null of its own.
  if (!nullable || (!array && types.includes('json'))) return whole;
  return whole === 'never' ? 'null' : `${whole} | null`;
}

function valueText(type: ValueType): string {
  if (typeof type === 'object') return quoted(type.literal);
  return type === 'json' ? 'JsonValue' : type;
}

/** What {@link typeText} names of `tidings`. */
export function namesOf({ types, array }: ValueForm): readonly string[] {
  return [...(array ? ['ArrayValue'] : []), ...(types.includes('json') ? ['JsonValue'] : [])];
}
