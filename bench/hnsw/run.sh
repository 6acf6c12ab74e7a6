#!/usr/bin/env bash
# Measures minnow's hnswlib beside its peers, and writes a dated folder under bench/runs.
#
# Usage: run.sh             everything: about 20 minutes, on a machine that has nothing else to do
#        run.sh --quick     20,000 vectors, 4 minutes, kept in $MINNOW_HOME/bench/quick
#        run.sh --million   a million synthetic vectors: about 45 minutes, and 16 GB of memory to make and to index them
#        run.sh --prepare   only make what a run needs; the first time WordNet is embedded, some 6 minutes
#
# MINNOW_WORDNET=DIR says where WordNet's data.noun is, if not in /usr/share/wordnet. All that a run needs is kept in
# $MINNOW_HOME/bench and made once. Needs what scripts/setup.sh needs, and Debian's apt for the descriptions of packages,
# which a run leaves out where there is none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

options=--million
# shellcheck source=../common.sh
. "$here/../common.sh"

# hnswlib comes as source, and is built here the way its users build it, with -march=native: never from pip's cache,
# which may hold one of another build.
install_python() {
	make_venv || return 0
	awk '/^[^ ]/ { source = /^hnswlib==/ } { print > (source ? built : wheels) }' \
		wheels="$venv/wheels.txt" built="$venv/built.txt" "$here/requirements.txt"
	"${pip[@]}" --only-binary :all: -r "$venv/wheels.txt"
	"${pip[@]}" --no-build-isolation --no-cache-dir --no-binary hnswlib -r "$venv/built.txt"
	touch "$venv/.complete"
}

embed() {
	[ -e "$cache/$1.npy" ] && return
	say "embedding $1: about 3 ms a text and core"
	"$cache/bin/hnsw/embed" all-MiniLM-L6-v2 "$cache/$1.txt" "$cache/$1.npy" >&2
}

prepare() {
	install_python
	(cd "$here" && go build -o "$cache/bin/hnsw/" ./ours ./coder ./embed)
	make_glosses "$venv/bin/python"
	embed glosses
	embed words
	if fetch_descriptions; then
		[ -e "$cache/packages.txt" ] || "$venv/bin/python" "$here/data.py" packages "$cache" >&2
		embed packages
	fi
	"$venv/bin/python" -m unittest discover --quiet --start-directory "$here"
	"$venv/bin/python" "$here/data.py" sets "$cache" >&2
}

# run OUTPUT [OPTION]
run() {
	"$venv/bin/python" "$here/bench.py" "$@" --cache "$cache" --bin "$cache/bin/hnsw"
	(cd "$root" && go test ./hnswlib -run '^$' -bench 'KNNQuery(Into)?Overhead' -benchmem -count 5) |
		grep '^Benchmark' >"$1/crossing.txt"
	"$venv/bin/python" "$here/report.py" "$1"
}

prepare
case $mode in
--full) run "$root/bench/runs/$(date +%F)-hnsw" ;;
--quick) run "$cache/quick" --quick ;;
--million)
	"$venv/bin/python" "$here/data.py" million "$cache" >&2
	run "$root/bench/runs/$(date +%F)-hnsw-million" --million
	;;
esac
