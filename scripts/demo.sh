#!/usr/bin/env bash
# Colorizes the photographs that come with the project into build/demo/. Needs `make all` first.
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
photos=(apps/colorize/photos/*.jpg apps/colorize/photos/*.jpeg apps/colorize/photos/*.png)
if [ "${#photos[@]}" -eq 0 ]; then
  echo "demo: no photographs in apps/colorize/photos" >&2
  exit 1
fi
mkdir -p build/demo
build/bin/onward colorize "${photos[@]}" --out build/demo
echo "demo: wrote $(find build/demo -type f | wc -l) files to build/demo"
