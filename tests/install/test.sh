#!/usr/bin/env bash
# Installs the build into a fresh prefix and uses it as a stranger would: by CMake and by pkg-config.
#   tests/install/test.sh BUILD_FOLDER MODEL.onnx
set -euo pipefail
build=$1 model=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$root/tests/install" -B "$work/build" -DEXAMPLES="$root/examples" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build" >/dev/null
"$work/build/hello" "$model"
pc=$(dirname "$(find "$work/prefix" -name onward.pc)")
# shellcheck disable=SC2046
cc "$root/examples/hello.c" $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs onward) -o "$work/hello_pc"
LD_LIBRARY_PATH=$(dirname "$pc") "$work/hello_pc" "$model"
"$work/prefix/bin/onward" --version
exported=$(nm -D --defined-only "$(dirname "$pc")/libonward.so" | grep -c ' onward_' || true)
[ "$exported" -eq 1 ] || { echo "install: libonward exports $exported onward_ symbols, expected onward_get_api alone"; exit 1; }
echo "install: 1 passed"
