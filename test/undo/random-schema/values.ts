import { quoteLiteral } from '../../../src/source/postgres/quote.ts';
import type { Catalogue, LiveType } from './catalogue.ts';
import type { Choices } from './choices.ts';

const TEXTS = [
  'a',
  'b',
  'A',
  '',
  'NULL',
  'c',
  'tab\t',
  'nl\n',
  '\\N',
  'ü🐘',
  '{}',
  "it's",
  'a ',
  '1',
];

/** Few values of each type, so that rows meet: equal ones, and some that only look equal. */
const POOLS: { readonly [type: string]: readonly string[] } = {
  int2: ['1', '2', '3', '4', '0'],
  int4: ['1', '2', '3', '4', '5', '0', '-1'],
  int8: ['1', '2', '3', '4', '9007199254740993', '0'],
  numeric: ['1', '2', '3', '1.0', '2.50', '1.00', 'NaN', '0'],
  float4: ['1', '0.1', '-0', '0', 'NaN', 'Infinity'],
  float8: ['1', '0.1', '-0', '0', 'NaN', 'Infinity'],
  text: TEXTS,
  varchar: TEXTS,
  bpchar: TEXTS,
  name: ['a', 'b', 'c'],
  bool: ['true', 'false'],
  date: ['2026-01-01', '2026-02-01', '2026-03-01', 'infinity', '0044-03-15 BC'],
  timestamptz: ['2026-01-01 00:00:00+00', '2026-02-01 12:00:00.123456+00', '-infinity'],
  timestamp: ['2026-01-01 00:00:00', '2026-02-01 12:00:00.5'],
  interval: ['1 day', '24:00:00', '1 mon -1 day'],
  uuid: ['1', '2', '3', '4'].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`),
  json: ['{"a": 1}', '{"a":1}', '[]', 'null', '"NULL"'],
  jsonb: ['{"a": 1}', '[1, 2]', 'null', '1.0', '1'],
  bytea: ['\\x00', '\\x', '\\xff5c'],
  int4range: ['[1,3)', 'empty', '(,5]'],
  point: ['(1,2)', '(-0,0)'],
  money: ['1.00', '2.50'],
};

/** An expression of the type: a literal of its pool, built up from parts where it has some. */
export function valueSql(catalogue: Catalogue, oid: string, choices: Choices): string {
  const type = catalogue.types.get(oid);
  if (type === undefined) return 'NULL';
  const inner = innerSql(catalogue, type, choices);
  return inner === 'NULL' ? inner : `${inner}::${type.sql}`;
}

function innerSql(catalogue: Catalogue, type: LiveType, choices: Choices): string {
  if (type.kind === 'e') return textOrNull(choices.oneOf(type.labels));
  if (type.kind === 'c') {
    const parts = type.attributes.map(({ type: part }) =>
      choices.once(6) ? 'NULL' : valueSql(catalogue, part, choices),
    );
    return parts.length === 0 ? 'NULL' : `ROW(${parts.join(', ')})`;
  }
  const { of } = type;
  if (of === null) return textOrNull(choices.oneOf(POOLS[type.name] ?? []));
  if (type.kind === 'd') return valueSql(catalogue, of, choices);
  const size = choices.one([1, 2, 0]);
  const elements = Array.from({ length: size }, () =>
    choices.once(5) ? 'NULL' : valueSql(catalogue, of, choices),
  );
  return `ARRAY[${elements.join(', ')}]`;
}

function textOrNull(text: string | null): string {
  return text === null ? 'NULL' : quoteLiteral(text);
}
