/**
 * A SELECT of `root` and `relation`: everything that is a partition of these tables, at any depth, and
 * they themselves.
 *
 * Not by `pg_partition_tree`: that locks each partition until the end of the transaction, which may be
 * the application's, and thousands do not fit into the server's lock table. And where it is called for
 * each of many tables the server guesses their number, and joins as if there were few.
 * @param roots a SELECT of oids.
 */
export function treeSql(roots: string): string {
  return `WITH RECURSIVE tree (root, relation) AS (
    SELECT top.oid, top.oid FROM (${roots}) top (oid)
    UNION ALL
    SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.relation
    WHERE NOT i.inhdetachpending
  ) SELECT root, relation FROM tree`;
}
