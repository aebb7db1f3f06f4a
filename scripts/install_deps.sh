#!/usr/bin/env bash
# Installs what onward needs, and only what is missing. Debian 12 or a relative of it.
#
#   scripts/install_deps.sh program   what it takes to build and run the program
#   scripts/install_deps.sh           that, and what the tests need: frameworks and .venv
#   scripts/install_deps.sh fuzz      all that, and Clang, for ./dev fuzz
#   scripts/install_deps.sh arm64     what cross-compiles for 64-bit ARM, and runs it, for ./dev arm64
#   scripts/install_deps.sh wasm      the same for WebAssembly, for ./dev wasm
#
# Asks for root through sudo only when a package is missing. Safe to run again: a satisfied step takes
# milliseconds.
set -euo pipefail
cd "$(dirname "$0")/.."

program_packages=(build-essential cmake ninja-build ccache pkg-config libcli11-dev nlohmann-json3-dev
                  libjpeg-dev libpng-dev libtiff-dev libwebp-dev libopenjp2-7-dev)
fuzz_packages=(clang llvm)
cross_packages=(cmake ninja-build ccache googletest)
arm64_packages=(g++-aarch64-linux-gnu qemu-user-static)
wasm_packages=(emscripten nodejs)
test_packages=(clang-format git libgtest-dev libgmock-dev python3 python3-dev python3-venv python3-torch python3-torchvision)

say() { echo "install_deps: $*" >&2; }

# Prints those of its arguments that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "root is needed for: $*; run it as root, or install sudo"
    return 1
  fi
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "no apt-get here; install these packages' equivalents by hand: ${missing[*]}"
    return 1
  fi
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Debian's Python where there is one, so that .venv does not hang on a version manager's.
base_python() {
  if [ -x /usr/bin/python3 ]; then echo /usr/bin/python3; else command -v python3; fi
}

# .venv is complete when its stamp is the list of requirements that it was made from.
install_venv() {
  local stamp=.venv/requirements.txt
  if cmp -s scripts/requirements.txt "$stamp" && .venv/bin/python -c '' 2>/dev/null; then return 0; fi
  say "making .venv"
  .venv/bin/python -m pip --version >/dev/null 2>&1 || "$(base_python)" -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt
  cp scripts/requirements.txt "$stamp"
}

case "${1:-all}" in
  program) install_packages "${program_packages[@]}" ;;
  all)
    install_packages "${program_packages[@]}" "${test_packages[@]}"
    install_venv
    ;;
  fuzz)
    install_packages "${program_packages[@]}" "${test_packages[@]}" "${fuzz_packages[@]}"
    install_venv
    ;;
  arm64) install_packages "${cross_packages[@]}" "${arm64_packages[@]}" ;;
  wasm) install_packages "${cross_packages[@]}" "${wasm_packages[@]}" ;;
  *)
    say "'$1' is no set of packages: expected 'program', 'fuzz', 'arm64', 'wasm', 'all' or nothing"
    exit 2
    ;;
esac
