#!/usr/bin/env bash
# Colorizes the photographs that come with the project into build/demo/, with a before/after sheet, and prints
# what ran, how long each stage took and where the pictures are. Needs the program: `make`.
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
program=build/bin/onward
photos=(apps/colorize/photos/*.jpg apps/colorize/photos/*.jpeg apps/colorize/photos/*.png)
if [ ! -x "$program" ]; then
  echo "demo: $program is not there; run 'make' first" >&2
  exit 1
fi
if [ "${#photos[@]}" -eq 0 ]; then
  echo "demo: no photographs in apps/colorize/photos" >&2
  exit 1
fi
command=("$program" colorize "${photos[@]}" --out build/demo --sheet build/demo/before_after.jpg)
echo "+ ${command[*]}"
"${command[@]}"
echo
echo "demo: the pictures are in $PWD/build/demo; look at before_after.jpg first"
