import type { TypeShape } from '../../../src/change/table.ts';
import type { Catalogue, LiveType } from './catalogue.ts';

/** Objects with lower numbers are the server's own (`FirstNormalObjectId`). */
const FIRST_OF_USERS = 16384;

/**
 * Compares what the log says a type was made of with what the catalogue said then.
 * @returns what is wrong; null when nothing is, or nothing is said.
 */
export function wrongShape(
  shape: TypeShape | undefined,
  oid: string,
  catalogue: Catalogue,
): string | null {
  const type = catalogue.types.get(oid);
  if (shape === undefined || type === undefined) return null;
  if (shape.id !== oid) return `${type.sql} has the number ${oid}, not ${shape.id}`;
  // What the server's own types are made of is in its code, and need not be said.
  const kind = Number(oid) < FIRST_OF_USERS && shape.is === 'base' ? 'base' : kindOf(type);
  if (shape.is !== kind) return `${type.sql} is ${kind}, not ${shape.is}`;
  const labels = JSON.stringify(type.labels.map((label, at) => [type.labelIds[at], label]));
  if (kind === 'enum' && JSON.stringify(shape.labels) !== labels) {
    return `${type.sql} has the labels ${labels}, not ${JSON.stringify(shape.labels)}`;
  }
  if (kind === 'composite') return wrongAttributes(shape, type, catalogue);
  if (type.of === null || kind === 'range') return null;
  if (shape.of === undefined) return `of what ${type.sql} is, is not said`;
  return wrongShape(shape.of, type.of, catalogue);
}

function wrongAttributes(
  { attributes = [] }: TypeShape,
  type: LiveType,
  catalogue: Catalogue,
): string | null {
  const names = (list: readonly { readonly number: number; readonly name: string }[]): string =>
    list.map(({ number, name }) => `${number} ${name}`).join(', ');
  if (names(attributes) !== names(type.attributes)) {
    return `${type.sql} is (${names(type.attributes)}), not (${names(attributes)})`;
  }
  for (const [at, { type: oid }] of type.attributes.entries()) {
    const wrong = wrongShape(attributes[at]?.type, oid, catalogue);
    if (wrong !== null) return wrong;
  }
  return null;
}

function kindOf({ kind, of }: LiveType): TypeShape['is'] {
  if (kind === 'e') return 'enum';
  if (kind === 'c') return 'composite';
  if (kind === 'd') return 'domain';
  if (kind === 'r' || kind === 'm') return 'range';
  return of === null ? 'base' : 'array';
}
