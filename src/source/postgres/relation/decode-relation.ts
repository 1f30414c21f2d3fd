import { type Bytes, FieldReader, MalformedData } from '../wire/decode-bytes.ts';

/** One column as a Relation message describes it. */
export interface RelationColumn {
  readonly name: string;
  readonly type: number;
  /** `pg_attribute.atttypmod`; -1 for none. */
  readonly modifier: number;
  /** True when it is of the replica identity; with identity full that is every column. */
  readonly flagged: boolean;
}

/** `pg_class.relreplident`: default (the primary key), nothing, full, or an index. */
export type ReplicaIdentity = 'd' | 'n' | 'f' | 'i';

/** A table as the changes that follow saw it, from a Relation message. */
export interface RelationMessage {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly identity: ReplicaIdentity;
  readonly columns: readonly RelationColumn[];
}

const IDENTITIES: readonly string[] = ['d', 'n', 'f', 'i'] satisfies ReplicaIdentity[];
const FLAG_IDENTITY = 1;

/**
 * Reads a Relation message, without its type byte. Every new version of a table is announced by one
 * before its first change.
 */
export function readRelation(bytes: Bytes, start: number, end: number): RelationMessage {
  const fields = new FieldReader(bytes, start, end);
  const oid = fields.uint32();
  // An empty name stands for pg_catalog.
  const schema = fields.text() || 'pg_catalog';
  const name = fields.text();
  const identityAt = fields.at;
  const identity = String.fromCharCode(fields.uint8());
  if (!isIdentity(identity)) throw new MalformedData('a replica identity is unknown', identityAt);
  const columns: RelationColumn[] = [];
  for (let left = fields.uint16(); left > 0; left--) {
    const flags = fields.uint8();
    columns.push({
      flagged: (flags & FLAG_IDENTITY) !== 0,
      name: fields.text(),
      type: fields.uint32(),
      modifier: fields.int32(),
    });
  }
  fields.finish();
  return { oid, schema, name, identity, columns };
}

function isIdentity(text: string): text is ReplicaIdentity {
  return IDENTITIES.includes(text);
}

/** A type that is not built in, as a Type message names it before a relation uses it. */
export interface TypeMessage {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/** Reads a Type message, without its type byte. */
export function readType(bytes: Bytes, start: number, end: number): TypeMessage {
  const fields = new FieldReader(bytes, start, end);
  const type = {
    oid: fields.uint32(),
    schema: fields.text() || 'pg_catalog',
    name: fields.text(),
  };
  fields.finish();
  return type;
}
