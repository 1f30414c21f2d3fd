import type { Column, ValueKind } from '../../../change/table.ts';

/** What a column's type is to Tidings: the part of a {@link Column} that its type decides. */
export type TypeDescription = Omit<Column, 'name'>;

/** oid, oid of its array type, name as `format_type` prints it, kind. */
type BuiltinRow = readonly [oid: number, array: number, name: string, kind: ValueKind];

/**
 * The types that PostgreSQL has from the start and that a column can have, from pg_type.dat; their
 * oids are the same on every server and never change. All others have to be looked up in the
 * catalogue, see {@link kindOfCatalogType}.
 *
 * `other` are the types whose text form is already the best form: money (as
 * `lc_monetary = C` prints it), intervals, bit strings, network addresses, geometry, ranges, xml, text search.
 */
const BUILTIN_TYPES: readonly BuiltinRow[] = [
  [16, 1000, 'boolean', 'boolean'],
  [17, 1001, 'bytea', 'bytes'],
  [18, 1002, '"char"', 'text'],
  [19, 1003, 'name', 'text'],
  [20, 1016, 'bigint', 'integer'],
  [21, 1005, 'smallint', 'integer'],
  [22, 1006, 'int2vector', 'other'],
  [23, 1007, 'integer', 'integer'],
  [24, 1008, 'regproc', 'other'],
  [25, 1009, 'text', 'text'],
  [26, 1028, 'oid', 'integer'],
  [27, 1010, 'tid', 'other'],
  [28, 1011, 'xid', 'other'],
  [29, 1012, 'cid', 'other'],
  [30, 1013, 'oidvector', 'other'],
  [114, 199, 'json', 'json'],
  [142, 143, 'xml', 'other'],
  [600, 1017, 'point', 'other'],
  [601, 1018, 'lseg', 'other'],
  [602, 1019, 'path', 'other'],
  [603, 1020, 'box', 'other'],
  [604, 1027, 'polygon', 'other'],
  [628, 629, 'line', 'other'],
  [650, 651, 'cidr', 'other'],
  [700, 1021, 'real', 'float'],
  [701, 1022, 'double precision', 'float'],
  [718, 719, 'circle', 'other'],
  [774, 775, 'macaddr8', 'other'],
  [790, 791, 'money', 'other'],
  [829, 1040, 'macaddr', 'other'],
  [869, 1041, 'inet', 'other'],
  [1033, 1034, 'aclitem', 'other'],
  [1042, 1014, 'character', 'text'],
  [1043, 1015, 'character varying', 'text'],
  [1082, 1182, 'date', 'date'],
  [1083, 1183, 'time without time zone', 'time'],
  [1114, 1115, 'timestamp without time zone', 'timestamp'],
  [1184, 1185, 'timestamp with time zone', 'timestamptz'],
  [1186, 1187, 'interval', 'other'],
  [1266, 1270, 'time with time zone', 'time'],
  [1560, 1561, 'bit', 'other'],
  [1562, 1563, 'bit varying', 'other'],
  [1700, 1231, 'numeric', 'decimal'],
  [1790, 2201, 'refcursor', 'other'],
  [2202, 2207, 'regprocedure', 'other'],
  [2203, 2208, 'regoper', 'other'],
  [2204, 2209, 'regoperator', 'other'],
  [2205, 2210, 'regclass', 'other'],
  [2206, 2211, 'regtype', 'other'],
  [2950, 2951, 'uuid', 'other'],
  [2970, 2949, 'txid_snapshot', 'other'],
  [3220, 3221, 'pg_lsn', 'other'],
  [3614, 3643, 'tsvector', 'other'],
  [3615, 3645, 'tsquery', 'other'],
  [3734, 3735, 'regconfig', 'other'],
  [3769, 3770, 'regdictionary', 'other'],
  [3802, 3807, 'jsonb', 'json'],
  [3904, 3905, 'int4range', 'other'],
  [3906, 3907, 'numrange', 'other'],
  [3908, 3909, 'tsrange', 'other'],
  [3910, 3911, 'tstzrange', 'other'],
  [3912, 3913, 'daterange', 'other'],
  [3926, 3927, 'int8range', 'other'],
  [4072, 4073, 'jsonpath', 'other'],
  [4089, 4090, 'regnamespace', 'other'],
  [4096, 4097, 'regrole', 'other'],
  [4191, 4192, 'regcollation', 'other'],
  // PostgreSQL 19. Beyond 2^53 - 1 an oid8 is a string, as all integers are.
  [6437, 6442, 'oid8', 'integer'],
  [6490, 6491, 'regdatabase', 'other'],
  [4451, 6150, 'int4multirange', 'other'],
  [4532, 6151, 'nummultirange', 'other'],
  [4533, 6152, 'tsmultirange', 'other'],
  [4534, 6153, 'tstzmultirange', 'other'],
  [4535, 6155, 'datemultirange', 'other'],
  [4536, 6157, 'int8multirange', 'other'],
  [5038, 5039, 'pg_snapshot', 'other'],
  [5069, 271, 'xid8', 'other'],
];

/** The one built-in type whose array separates elements by `;`: its arrays keep their text. */
const BOX = 603;

/** Integers whose every value a JSON number holds: smallint, integer, oid. As shapes have their ids. */
export const SMALL_INTEGERS: ReadonlySet<string> = new Set(['21', '23', '26']);

interface Builtin {
  readonly name: string;
  readonly kind: ValueKind;
  /** The element's oid for an array type, else the type's own. */
  readonly element: number;
  readonly array: boolean;
}

const BUILTINS: ReadonlyMap<number, Builtin> = new Map(
  BUILTIN_TYPES.flatMap(([oid, array, name, kind]): [number, Builtin][] => [
    [oid, { name, kind, element: oid, array: false }],
    [array, { name, kind, element: oid, array: true }],
  ]),
);

/**
 * Describes a built-in type or an array of one.
 * @param modifier `pg_attribute.atttypmod`; -1 for none.
 * @returns undefined for a type that only the catalogue knows: enums, domains, composites, types of
 *   extensions, and arrays of these.
 */
export function builtinType(oid: number, modifier = -1): TypeDescription | undefined {
  const builtin = BUILTINS.get(oid);
  if (builtin === undefined) return undefined;
  const name = withModifier(builtin, modifier);
  return {
    type: builtin.array ? `${name}[]` : name,
    kind: builtin.kind,
    array: builtin.array && builtin.element !== BOX,
    shape: builtin.array
      ? { id: String(oid), is: 'array', of: { id: String(builtin.element), is: 'base' } }
      : { id: String(oid), is: 'base' },
  };
}

/**
 * The kind of a type that is not built in, by its row in `pg_type`: of a domain ask for its base
 * type, of an array for its element. A base type of an extension has the kind that its category
 * says only where that is certain: citext is a string, but a "numeric" category may be anything.
 */
export function kindOfCatalogType(type: {
  readonly typtype: string;
  readonly typcategory: string;
}): ValueKind {
  if (type.typtype === 'e') return 'text';
  return type.typtype === 'b' && type.typcategory === 'S' ? 'text' : 'other';
}

/** The type's name as `format_type(oid, modifier)` prints it, for an array without its brackets. */
function withModifier({ name, element }: Builtin, modifier: number): string {
  // A column of type char has the modifier 5; one of bpchar without a length has none.
  if (element === BPCHAR && modifier < VARLENA_HEADER) return 'bpchar';
  if (modifier < 0) return element === BIT ? '"bit"' : name;
  switch (element) {
    case BPCHAR:
    case VARCHAR:
      return `${name}(${modifier - VARLENA_HEADER})`;
    case NUMERIC:
      return `${name}(${numericModifier(modifier - VARLENA_HEADER)})`;
    case BIT:
    case VARBIT:
      return `${name}(${modifier})`;
    case TIME:
    case TIMETZ:
    case TIMESTAMP:
    case TIMESTAMPTZ:
      return name.replace(' ', `(${modifier}) `);
    case INTERVAL:
      return `${name}${intervalModifier(modifier)}`;
    default:
      return name;
  }
}

const BPCHAR = 1042;
const VARCHAR = 1043;
const TIME = 1083;
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;
const INTERVAL = 1186;
const TIMETZ = 1266;
const BIT = 1560;
const VARBIT = 1562;
const NUMERIC = 1700;

/** Modifiers of variable-length types count the four bytes of the value's header. */
const VARLENA_HEADER = 4;

/** Precision in the upper 16 bits, scale as a signed number in the lower 11 (numeric.c). */
function numericModifier(modifier: number): string {
  const scale = ((modifier & 0x7ff) ^ 0x400) - 0x400;
  return `${(modifier >> 16) & 0xffff},${scale}`;
}

/** Which fields an interval keeps, as bit masks of 1 << field (timestamp.h, datetime.h). */
const INTERVAL_FIELDS: ReadonlyMap<number, string> = new Map([
  [0x0004, ' year'],
  [0x0002, ' month'],
  [0x0008, ' day'],
  [0x0400, ' hour'],
  [0x0800, ' minute'],
  [0x1000, ' second'],
  [0x0006, ' year to month'],
  [0x0408, ' day to hour'],
  [0x0c08, ' day to minute'],
  [0x1c08, ' day to second'],
  [0x0c00, ' hour to minute'],
  [0x1c00, ' hour to second'],
  [0x1800, ' minute to second'],
]);

const INTERVAL_FULL_PRECISION = 0xffff;

function intervalModifier(modifier: number): string {
  const fields = INTERVAL_FIELDS.get((modifier >> 16) & 0x7fff) ?? '';
  const precision = modifier & 0xffff;
  return precision === INTERVAL_FULL_PRECISION ? fields : `${fields}(${precision})`;
}
