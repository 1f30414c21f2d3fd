import {
  type DefinedRelation,
  defineRelation,
  type RelationUse,
} from '../../src/source/postgres/relation/define-relation.ts';
import type { RelationDescriber } from '../../src/source/postgres/relation/relation-table.ts';

export interface FixedCatalogOptions {
  /** The columns of every table's primary key, in its order. */
  readonly key?: readonly string[];
  /** `pg_class.relkind` */
  readonly kind?: 'r' | 'p';
  /** Answers are given when it resolves. */
  readonly ready?: () => Promise<unknown>;
}

/** A catalogue that has changed nothing since the stream's messages were sent. */
export function fixedCatalog(options: FixedCatalogOptions = {}): RelationDescriber {
  return {
    async describe(use: RelationUse): Promise<DefinedRelation> {
      await options.ready?.();
      const { oid, schema, name, columns } = use.message;
      const described = columns.map((column, index) => ({
        ...column,
        number: index + 1,
        generated: false,
        dropped: false,
      }));
      const key = options.key?.map(
        (each) => columns.findIndex((column) => column.name === each) + 1,
      );
      const description = {
        root: { oid, schema, name },
        schema,
        name,
        columns: described,
        key: key ?? null,
        types: [],
        shapes: [],
      };
      const look = {
        next: use.transaction + 1,
        kind: options.kind ?? 'r',
        description,
        touched: { place: [], key: [], columns: [], types: null },
        announcements: [],
        published: null,
      };
      return { ...defineRelation(use, look, { look: null, version: null }), again: null };
    },
  };
}
