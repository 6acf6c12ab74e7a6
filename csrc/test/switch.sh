#!/usr/bin/env bash
# usage: switch.sh [FILE [N [BITS]]]   measure where a filtered query is better off with a scan: see switch.cc
#
# Needs g++ (or $CXX) and the include path that eval "$(scripts/setup.sh env)" puts into CGO_CXXFLAGS.
set -euo pipefail
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
eval "flags=(${CGO_CXXFLAGS:?eval \"\$(scripts/setup.sh env)\" first})"
sources=()
for f in ../*.cc; do sources+=("$f"); done
"${CXX:-g++}" "${flags[@]}" -std=c++17 -O3 -pthread -o "$out/switch" switch.cc "${sources[@]}"
"$out/switch" "$@"
