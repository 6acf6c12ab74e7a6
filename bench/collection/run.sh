#!/usr/bin/env bash
# Measures minnow's collection beside its peers, and writes a dated folder under bench/runs.
#
# Usage: run.sh             everything: about 17 minutes, on a machine that has nothing else to do
#        run.sh --quick     10,000 documents, 2 minutes, kept in $MINNOW_HOME/bench/collection-quick
#        run.sh --million   a million synthetic vectors, ours alone: 8 minutes, 16 GB of memory to make them
#        run.sh --prepare   only make what a run needs; the first time WordNet is embedded, some 6 minutes
#
# MINNOW_WORDNET=DIR says where WordNet's data.noun is, if not in /usr/share/wordnet. All that a run needs is kept in
# $MINNOW_HOME/bench and made once. Needs what scripts/setup.sh needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

options=--million
# shellcheck source=../common.sh
. "$here/../common.sh"
model=$MINNOW_HOME/models/all-MiniLM-L6-v2

prepare() {
	install_wheels
	# WordNet's vectors are those of the benchmark of hnswlib.
	[ -e "$cache/sets/wordnet/worst.npy" ] || "$root/bench/hnsw/run.sh" --prepare
	"$venv/bin/python" -m unittest discover --quiet --start-directory "$here"
	(cd "$here" && go build -o "$cache/bin/collection/" ./ours ./chromem)
}

# run OUTPUT [OPTION]
run() {
	"$venv/bin/python" "$here/bench.py" "$@" --cache "$cache" --model "$model"
	"$venv/bin/python" "$here/report.py" "$1"
}

prepare
case $mode in
--full) run "$root/bench/runs/$(date +%F)-collection" ;;
--quick) run "$cache/collection-quick" --quick ;;
--million)
	"$venv/bin/python" "$here/../hnsw/data.py" million "$cache" >&2
	run "$root/bench/runs/$(date +%F)-collection-million" --million --rounds 3 --engines minnow
	;;
esac
