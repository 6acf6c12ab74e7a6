# Sourced by the benchmarks' run.sh, which have $cache and say.

# make_glosses PYTHON: WordNet's definitions in $cache/glosses.txt, and some of its words in words.txt.
make_glosses() {
	[ -e "$cache/words.txt" ] && return
	local dir=${MINNOW_WORDNET:-/usr/share/wordnet}
	[ -e "$dir/data.noun" ] || dir=$cache/wordnet/usr/share/wordnet
	if [ ! -e "$dir/data.noun" ]; then
		say "fetching Debian's wordnet-base"
		local tmp
		tmp=$(mktemp -d)
		(cd "$tmp" && apt-get download -qq wordnet-base >&2 && dpkg -x wordnet-base_*.deb "$cache/wordnet") || {
			say "that did not work: install the package wordnet-base, or unpack WordNet 3.0 and name the folder of data.noun in MINNOW_WORDNET"
			return 1
		}
		rm -r "$tmp"
	fi
	"$1" "$(dirname "${BASH_SOURCE[0]}")/hnsw/data.py" texts "$dir" "$cache"
}
