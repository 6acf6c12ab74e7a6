#!/usr/bin/env bash
# usage: image-test.sh
#
# Builds the Dockerfile and uses the image as a user would: imports a file, asks, kills it, starts it again and asks
# again. There need be no Docker: buildah builds and runs without a daemon and without a registry. Where images can't be
# pulled, stand-ins take the names of the base images: a Debian of debootstrap, and this machine's Go and Rust on top of
# it, with the root certificates that this machine has of its own (in the build stages alone, never in what ships).
# Ends with 0 and a word where the machine doesn't allow it, and with 1 if MINNOW_NO_SKIP=1.
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/setup.sh env)"
work=$MINNOW_HOME/image-test
say() { echo "image-test: $*" >&2; }
skip() {
	say "NOT RUN: $*"
	exit "${MINNOW_NO_SKIP:-0}"
}
[ "$(uname -s)" = Linux ] || skip "it needs Linux"
command -v buildah >/dev/null || skip "buildah is missing; on Debian: apt-get install buildah debootstrap"
status=0
packaging/debian.sh "$work/debian" || status=$?
[ $status != 77 ] || skip "see above"
[ $status = 0 ] || exit $status

export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot TMPDIR=$work/tmp
mkdir -p "$TMPDIR"
grep -q overlay /proc/filesystems && STORAGE_DRIVER=overlay
b() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }
containers=()
clean() {
	[ ${#containers[@]} = 0 ] || b rm "${containers[@]}" >/dev/null 2>&1 || true
}
trap clean EXIT
# into VARIABLE IMAGE: a container of an image, removed at the end.
into() {
	local name
	name=$(b from --pull-never "$2") || return
	containers+=("$name")
	printf -v "$1" %s "$name"
}

# ------------------------------------------------------------------------------------------------------ the base images

standin() { b inspect --type image "$1" >/dev/null 2>&1; }
base=docker.io/library/debian:trixie-slim golang=docker.io/library/golang:1.26-trixie rust=docker.io/library/rust:1.95-slim-trixie
if ! standin "$base"; then
	say "stand-in for debian"
	into c scratch || skip "buildah can't make a container here"
	b add -q "$c" "$work/debian" /
	b config --cmd bash "$c"
	b commit -q "$c" "$base" >/dev/null
fi
if ! standin "$golang"; then
	say "stand-in for golang, of this machine's $(go env GOVERSION)"
	into c "$base"
	b run --network host "$c" -- sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates >/dev/null'
	b add -q "$c" "$(go env GOROOT)" /usr/local/go
	extra=$(mktemp)
	cat /usr/local/share/ca-certificates/*.crt >"$extra" 2>/dev/null || true
	b copy -q "$c" "$extra" /usr/local/share/ca-certificates/of-the-machine.crt
	b run "$c" -- update-ca-certificates >/dev/null 2>&1
	b config --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env GOPATH=/go \
		--env PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$c"
	b commit -q "$c" "$golang" >/dev/null
fi
if ! standin "$rust"; then
	say "stand-in for rust, of this machine's $(rustc --version)"
	into c "$base"
	toolchain=$(rustc --print sysroot)
	b add -q "$c" "$toolchain" /usr/local/rustup/toolchain
	b run "$c" -- sh -c 'mkdir -p /usr/local/cargo/bin && ln -s /usr/local/rustup/toolchain/bin/* /usr/local/cargo/bin/'
	b commit -q "$c" "$rust" >/dev/null
fi

# -------------------------------------------------------------------------------------------------------------- build

version=$(git describe --always --dirty 2>/dev/null || echo unknown)
say "building; the first time it takes some minutes"
began=$SECONDS
for target in without-model ""; do
	b bud --quiet --layers --pull-never --network host --format docker --build-arg VERSION="$version" ${target:+--target $target} \
		-t "minnow:${target:-latest}" . >"$work/build.log" 2>&1 || {
		tail -n 20 "$work/build.log" >&2
		say "the build failed; its output is in $work/build.log"
		exit 1
	}
done
say "built in $((SECONDS - began)) s"
fail() {
	say "FAILED: $*"
	exit 1
}
# megabytes IMAGE: of its files, all layers together.
megabytes() {
	local c mnt
	into c "$1"
	mnt=$(b mount "$c")
	du -s --block-size=1000000 "$mnt" | cut -f1
}
for limit in latest:350 without-model:180; do
	size=$(megabytes "minnow:${limit%:*}")
	say "minnow:${limit%:*} has $size MB, of ${limit#*:} allowed"
	[ "$size" -lt "${limit#*:}" ] || fail "the image is too large"
done
config=$(b inspect --type image minnow:latest)
for want in '"User": "65532:65532"' '"Healthcheck"' '/data' 'org.opencontainers.image.licenses'; do
	grep -qF "$want" <<<"$config" || fail "the image's configuration lacks $want"
done

# ---------------------------------------------------------------------------------------------------------------- use

into box minnow:latest
data=$work/data
rm -rf "$data"
mkdir -p "$data"
chown 65532:65532 "$data"
mnt=$(b mount "$box")
if find "$mnt" -xdev -newer "$mnt/usr/local/bin/minnow" -name '*of-the-machine*' | grep -q .; then fail "this machine's certificates are in the image"; fi

# minnow ARGUMENTS...: as docker run with --read-only, -v data:/data and the image's own user would.
minnow() { b run --network none --user 65532:65532 --volume "$data:/data" --volume "$PWD/docs/tour:/in:ro" --mount type=tmpfs,destination=/tmp "$box" -- minnow "$@"; }
say "demo"
minnow demo >"$work/demo.txt" || fail "demo ended with $?"
grep -q 'Bats are mammals' "$work/demo.txt" || fail "demo doesn't answer: $(cat "$work/demo.txt")"
say "import, query"
minnow import /in/food.csv | grep -q '^2,573 documents stored' || fail "import"
minnow query "made by bees" -k 1 --json | grep -q '"id":"07858978"' || fail "query"
minnow doctor >"$work/doctor.txt" || fail "doctor: $(cat "$work/doctor.txt")"

# A server, killed and started again. It listens on this machine's loopback.
port=$((20000 + RANDOM % 10000))
serve() {
	began=$(date +%s%N)
	b run --network host --user 65532:65532 --volume "$data:/data" --mount type=tmpfs,destination=/tmp "$box" -- \
		minnow serve --addr "127.0.0.1:$port" 2>"$work/serve.log" &
	for _ in $(seq 200); do
		if curl -sf "http://127.0.0.1:$port/healthz" >/dev/null; then
			say "served after $((($(date +%s%N) - began) / 1000000)) ms, buildah's own part included"
			return
		fi
		sleep 0.02
	done
	fail "the server doesn't answer: $(cat "$work/serve.log")"
}
ask() { curl -sf "http://127.0.0.1:$port/v1/query" -H 'Content-Type: application/json' -d '{"text": "made by bees", "k": 1}' | grep -q '"id":"07858978"'; }
server() { pgrep -f "^/usr/local/bin/minnow serve --addr 127.0.0.1:$port"; }
serve
ask || fail "the server doesn't find what was imported"
curl -sf "http://127.0.0.1:$port/v1/documents" -H 'Content-Type: application/json' -d '[{"id": "last", "text": "just before the power went"}]' >/dev/null || fail "adding over HTTP"
kill -KILL "$(server)"
wait || true
! curl -sf "http://127.0.0.1:$port/healthz" >/dev/null || fail "the server answers although it was killed"
serve
ask || fail "after a kill the server doesn't find what was imported"
curl -sf "http://127.0.0.1:$port/v1/documents/last" >/dev/null || fail "what was acknowledged before the kill is gone"
minnow_healthy() { b run --network host --user 65532:65532 "$box" -- minnow serve --healthy --addr "127.0.0.1:$port"; }
minnow_healthy || fail "the health check of a server that is well"
kill -TERM "$(server)"
wait $! || fail "the server doesn't end well"
! minnow_healthy 2>/dev/null || fail "the health check of no server"
say "passed: $(b images --format '{{.Name}}:{{.Tag}} {{.Size}}' | grep localhost/minnow | tr '\n' ' ')"
