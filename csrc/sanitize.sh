#!/usr/bin/env bash
# usage: sanitize.sh [address|undefined|thread]...   run the C++ test drivers under sanitizers, all three by default
#
# Needs g++ or clang++ (or $CXX) and the include path that eval "$(scripts/setup.sh env)" puts into CGO_CXXFLAGS.
# Takes four minutes on two cores. What upstream itself is reported for is in test/tsan.supp, with line numbers.
set -euo pipefail
cd "$(dirname "$0")"
(($#)) || set -- address undefined thread
cxx=${CXX:-$(command -v g++ || command -v clang++)} || { echo "sanitize: no g++ or clang++" >&2; exit 1; }
# cgo's quoting is the shell's.
eval "flags=(${CGO_CXXFLAGS:?run eval \"\$(scripts/setup.sh env)\" first})"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS="suppressions=$PWD/test/tsan.supp halt_on_error=1 second_deadlock_stack=1"

run() { # run NAME FLAG...: the graph's driver, its kernels' but where threads are the matter, and the encoder's
	drive "$1" test/driver.cc "${@:2}"
	[[ $1 = thread ]] || drive "$1" test/kernels.cc "${@:2}"
	drive "$1" ../internal/encoder/test/sets.cc "${@:2}"
}

drive() { # drive NAME DRIVER FLAG...: compiles a driver and what it drives, each file on a core of its own, and runs it
	local name=$1-$(basename "$2" .cc) driver=$2
	shift 2
	mkdir "$out/$name"
	printf '%s\0' "$(dirname "$driver")"/../*.cc "$driver" | xargs -0 -P "$(nproc)" -I{} bash -c '
		src=$1 dir=$2; shift 2
		"$@" -c -o "$dir/$(basename "$src" .cc).o" "$src"' _ {} "$out/$name" \
		"$cxx" "${flags[@]}" -std=c++17 -O1 -g -fno-omit-frame-pointer -Wall -Wextra "$@"
	"$cxx" "$@" -pthread -o "$out/$name/driver" "$out/$name"/*.o
	echo "sanitize: $name"
	"$out/$name/driver"
}

for sanitizer in "$@"; do
	case $sanitizer in
	address) run address -fsanitize=address ;;
	# Upstream stores floats and labels at any offset of a row (hnswalg.h L117-121), which every processor here allows.
	undefined) run undefined -fsanitize=undefined -fno-sanitize=alignment -fno-sanitize-recover=all ;;
	# Nothing inlined, so that a suppression meets its function by name.
	# Locks of neighbours are taken while an element's own is held (hnswalg.h L1185, L553): an order that cannot
	# close a circle, as an element is linked from above and only after it has looked, but that the detector suspects.
	thread) TSAN_OPTIONS="$TSAN_OPTIONS detect_deadlocks=0" run thread -fsanitize=thread -fno-inline ;;
	*) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
	esac
done
