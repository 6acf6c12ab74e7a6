#!/usr/bin/env bash
# Measures minnow's embedder beside its peers, and writes a dated folder under bench/runs.
#
# Usage: run.sh             everything: about 15 minutes, on a machine that has nothing else to do
#        run.sh --quick     fewer texts and rounds, a minute, kept in $MINNOW_HOME/bench/embed-quick
#        run.sh --prepare   only make what a run needs; the first time some gigabytes of PyTorch are fetched
#
# MINNOW_WORDNET=DIR says where WordNet's data.noun is, if not in /usr/share/wordnet. All that a run needs is kept in
# $MINNOW_HOME/bench and made once. Needs what scripts/setup.sh needs, and Debian's apt for the descriptions of packages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# shellcheck source=../common.sh
. "$here/../common.sh"
model=$MINNOW_HOME/models/all-MiniLM-L6-v2
# shellcheck source=../../scripts/pins.env
. "$root/scripts/pins.env"
runtime=$MINNOW_HOME/onnxruntime-$ONNXRUNTIME_VERSION/lib

prepare() {
	install_wheels
	"$venv/bin/python" -m unittest discover --quiet --start-directory "$here"
	make_glosses "$venv/bin/python"
	MINNOW_MODEL=all-MiniLM-L6-v2 "$root/scripts/setup.sh" test >&2 # which makes the presets
	fetch_descriptions
	fetch_descriptions de
	(cd "$here" && go build -tags ORT -o "$cache/bin/" ./ours ./hugot)
	[ "$cache/texts.json" -nt "$here/texts.py" ] || "$venv/bin/python" "$here/texts.py" "$cache" "$model" "$wordnet" >&2
	if [ ! -e "$cache/plain-export" ]; then
		say "exporting the model as sentence-transformers does"
		rm -rf "$cache/plain-export.tmp"
		"$venv/bin/python" "$here/worker.py" export "$model" "$cache/plain-export" >&2
	fi
}

# run OUTPUT [--quick]
run() {
	MINNOW_RUNTIME=$runtime "$venv/bin/python" "$here/bench.py" "$@" --cache "$cache" --model "$model"
	(cd "$root" && go test ./onnx -run '^$' -bench GoShare -benchtime 5x -count 3) | grep '^Benchmark' >"$1/go-share.txt"
	"$venv/bin/python" "$here/report.py" "$1"
}

prepare
case $mode in
--full) run "$root/bench/runs/$(date +%F)-embed" ;;
--quick) run "$cache/embed-quick" --quick ;;
esac
