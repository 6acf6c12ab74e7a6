#!/usr/bin/env bash
# usage: arm64.sh   test the arm64 kernels on any Linux machine, with a cross compiler and user-mode qemu
#
# Needs Debian's packages g++-aarch64-linux-gnu and qemu-user. Without them it says so, and succeeds; with
# MINNOW_NO_SKIP=1 it fails. Takes some seconds.
set -euo pipefail
cd "$(dirname "$0")"
cxx=aarch64-linux-gnu-g++ qemu=qemu-aarch64
if [[ $(uname -m) == aarch64 ]]; then
	cxx=${CXX:-g++} qemu=
fi
for tool in "$cxx" $qemu; do
	command -v "$tool" >/dev/null && continue
	echo "arm64: skipped: $tool is missing: apt-get install g++-aarch64-linux-gnu qemu-user" >&2
	exit "${MINNOW_NO_SKIP:-0}"
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$cxx" -std=c++17 -O3 -Wall -Wextra -static -o "$out/kernels" kernels.cc ../kernel*.cc
encoder=../../internal/encoder
"$cxx" -std=c++17 -O3 -Wall -Wextra -static -pthread -o "$out/sets" $encoder/test/sets.cc $encoder/*.cc
$qemu "$out/kernels"
$qemu "$out/sets"
# A processor without dot products, which must be seen to have none.
if [[ $qemu ]]; then
	$qemu -cpu cortex-a57 "$out/kernels" | tee "$out/old"
	grep -q '^neondot: not on this processor' "$out/old"
	$qemu -cpu cortex-a57 "$out/sets" | tee "$out/old"
	grep -q '^neondot: not on this processor' "$out/old"
fi
echo "arm64: ok"
