# Sourced by the benchmarks' run.sh, which have $here, $root and perhaps more $options than these three. It reads the
# command line, sets minnow up, and leaves $mode, $cache and $venv.

say() { echo "bench: $*" >&2; }

usage() {
	sed -n '/^# Usage:/,/^#$/s/^# *//p' "$0" >&2
	exit 2
}

[ $# -le 1 ] || usage
mode=${1:---full}
case " --full --quick --prepare ${options:-} " in *" $mode "*) ;; *) usage ;; esac

MINNOW_MODEL=all-MiniLM-L6-v2 "$root/scripts/setup.sh" >&2
eval "$("$root/scripts/setup.sh" env)"
cache=$MINNOW_HOME/bench
requirements=$here/requirements.txt # of the Python peers, where there are some
[ -e "$requirements" ] || requirements=/dev/null
digest=$(sha256sum <"$requirements")
venv=$cache/python-${digest:0:8}
mkdir -p "$cache"

# make_venv: an empty environment of Python in $venv. False if there is a whole one.
make_venv() {
	[ ! -e "$venv/.complete" ] || return 1
	say "installing the Python peers into $venv"
	rm -rf "$venv"
	python3 -m venv "$venv"
	pip=("$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes)
}

# install_wheels: the peers of which all have wheels.
install_wheels() {
	make_venv || return 0
	"${pip[@]}" --only-binary :all: -r "$here/requirements.txt"
	touch "$venv/.complete"
}

# make_glosses PYTHON: WordNet's definitions in $cache/glosses.txt, and some of its words in words.txt. $wordnet is where it is.
make_glosses() {
	local dir=${MINNOW_WORDNET:-/usr/share/wordnet}
	[ -e "$dir/data.noun" ] || dir=$cache/wordnet/usr/share/wordnet
	wordnet=$dir
	[ -e "$cache/words.txt" ] && [ -e "$dir/data.noun" ] && return
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

# fetch_descriptions [LANGUAGE]: those of all packages that apt can have, in $cache/descriptions.txt, or in
# descriptions-LANGUAGE.txt. They are in apt's translations, which many machines leave out: so the lists are fetched into
# a folder of their own, and the machine's stay.
fetch_descriptions() {
	local language=${1:-en} to=$cache/descriptions${1:+-$1}.txt
	[ -e "$to" ] && return
	say "fetching the descriptions of Debian's packages ($language)"
	local lists=$cache/apt-lists
	mkdir -p "$lists/partial"
	local apt=(-o "Acquire::Languages=$language" -o "Dir::State::lists=$lists")
	apt+=(-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
	{
		apt-get update -qq "${apt[@]}" >&2
		apt-get indextargets "${apt[@]}" --format '$(FILENAME)' 'Created-By: Translations' |
			xargs -d '\n' /usr/lib/apt/apt-helper cat-file >"$to.tmp"
		[ -s "$to.tmp" ]
	} || {
		say "that did not work: as root on a Debian machine run this with --prepare, and copy $to"
		return 1
	}
	mv "$to.tmp" "$to"
	rm -r "$lists"
}
