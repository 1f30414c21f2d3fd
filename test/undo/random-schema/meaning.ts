import type { Catalogue } from './catalogue.ts';

/**
 * What a value's text meant under a catalogue, so that texts from before and after a change of their
 * type can be compared: labels of enums by number, attributes of composites by number.
 *
 * @param shared attribute numbers that both catalogues have, by type: others are left out.
 */
export function meaning(
  text: string | null,
  type: string,
  catalogue: Catalogue,
  shared: ReadonlyMap<string, ReadonlySet<number>>,
): string | null {
  const found = catalogue.types.get(type);
  if (text === null || found === undefined) return text;
  if (found.kind === 'e') {
    return `label ${found.labelIds[found.labels.indexOf(text)] ?? `unknown: ${text}`}`;
  }
  if (found.kind === 'c') {
    const fields = recordFields(text);
    return JSON.stringify(
      found.attributes.flatMap(({ number, type: part }, at) =>
        shared.get(type)?.has(number) === false
          ? []
          : [[number, meaning(fields[at] ?? null, part, catalogue, shared)]],
      ),
    );
  }
  const { of } = found;
  if (of === null) return text;
  if (found.kind === 'd') return meaning(text, of, catalogue, shared);
  return JSON.stringify(arrayElements(text).map((one) => meaning(one, of, catalogue, shared)));
}

/** Attribute numbers that a composite has in all of the catalogues, by type. */
export function sharedAttributes(
  catalogues: readonly Catalogue[],
): ReadonlyMap<string, ReadonlySet<number>> {
  const shared = new Map<string, Set<number>>();
  for (const { types } of catalogues) {
    for (const { oid, kind, attributes } of types.values()) {
      if (kind !== 'c') continue;
      const numbers = new Set(attributes.map(({ number }) => number));
      const known = shared.get(oid);
      const both =
        known === undefined ? numbers : new Set([...known].filter((one) => numbers.has(one)));
      shared.set(oid, both);
    }
  }
  return shared;
}

/** The fields of `(1,"a ""b""",)`. */
function recordFields(text: string): readonly (string | null)[] {
  return elements(text.slice(1, -1), (field, quoted) => (field === '' && !quoted ? null : field));
}

/** The elements of a one-dimensional `{1,"a \"b\"",NULL}`. */
function arrayElements(text: string): readonly (string | null)[] {
  if (text === '{}') return [];
  return elements(text.slice(1, -1), (field, quoted) =>
    field === 'NULL' && !quoted ? null : field,
  );
}

function elements(
  text: string,
  toValue: (field: string, quoted: boolean) => string | null,
): readonly (string | null)[] {
  const values: (string | null)[] = [];
  let field = '';
  let quoted = false;
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === '\\') field += text[++at] ?? '';
    else if (character === '"' && inside && text[at + 1] === '"') field += text[++at] ?? '';
    else if (character === '"') [inside, quoted] = [!inside, true];
    else if (character === ',' && !inside) {
      values.push(toValue(field, quoted));
      [field, quoted] = ['', false];
    } else field += character;
  }
  values.push(toValue(field, quoted));
  return values;
}
