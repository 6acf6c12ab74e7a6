#!/usr/bin/env bash
# Measures the command line on 100,000 definitions of WordNet, and writes a dated folder under bench/runs.
#
# Usage: run.sh             three rounds: about 8 minutes, on a machine that has nothing else to do
#        run.sh --quick     one round of 5,000, kept in $MINNOW_HOME/bench/cli-quick
#        run.sh --prepare   only make what a run needs
#
# MINNOW_WORDNET=DIR says where WordNet's data.noun is, if not in /usr/share/wordnet. Needs what scripts/setup.sh needs.
# There is no peer: what the embedder and the collection are beside theirs is in the other runs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# shellcheck source=../common.sh
. "$here/../common.sh"
make_glosses "$MINNOW_HOME"/python-*/bin/python
(cd "$root" && go build -o "$cache/bin/minnow" ./cmd/minnow)
export MINNOW_MODEL=all-MiniLM-L6-v2

case $mode in
--full) python3 "$here/bench.py" "$cache/bin/minnow" "$cache/glosses.txt" "$root/bench/runs/$(date +%F)-cli" ;;
--quick) python3 "$here/bench.py" "$cache/bin/minnow" "$cache/glosses.txt" "$cache/cli-quick" --texts 5000 --rounds 1 ;;
esac
