#!/usr/bin/env bash
# usage: image-test.sh
#
# Builds the Dockerfile and uses the image as a user would: imports a file, asks, kills it, starts it again and asks
# again. There need be no Docker: buildah builds and runs without a daemon and without a registry; podman, where it
# works, runs the same with a read-only root file system, and compose.yaml. Where images can't be
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

# A storage and settings of its own: nothing of the user's is touched. The settings are those that work without systemd
# and with low limits.
export BUILDAH_ISOLATION=chroot TMPDIR=$work/tmp CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
mkdir -p "$TMPDIR"
driver=vfs
grep -q overlay /proc/filesystems && driver=overlay
printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' $driver "$work/storage" "$work/run" >"$CONTAINERS_STORAGE_CONF"
cat >"$CONTAINERS_CONF" <<-'TOML'
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
	[engine]
	runtime = "runc"
	cgroup_manager = "cgroupfs"
	events_logger = "file"
TOML
server=minnow-image-test
clean() {
	buildah rm --all >/dev/null 2>&1 || true # the storage is this test's alone
	! command -v podman >/dev/null || podman rm --force --volumes --ignore $server >/dev/null 2>&1 || true
}
trap clean EXIT
# into VARIABLE IMAGE: a container of an image, removed at the end with all others.
into() {
	local name
	name=$(buildah from --pull-never "$2") || return
	printf -v "$1" %s "$name"
}

# ------------------------------------------------------------------------------------------------------ the base images

standin() { buildah inspect --type image "$1" >/dev/null 2>&1; }
base=docker.io/library/debian:trixie-slim golang=docker.io/library/golang:1.26-trixie rust=docker.io/library/rust:1.95-slim-trixie
if ! standin "$base"; then
	say "stand-in for debian"
	into c scratch || skip "buildah can't make a container here"
	buildah add -q "$c" "$work/debian" /
	buildah config --cmd bash "$c"
	buildah commit -q "$c" "$base" >/dev/null
fi
if ! standin "$golang"; then
	say "stand-in for golang, of this machine's $(go env GOVERSION)"
	into c "$base"
	buildah run --network host "$c" -- sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates >/dev/null'
	buildah add -q "$c" "$(go env GOROOT)" /usr/local/go
	extra=$(mktemp)
	cat /usr/local/share/ca-certificates/*.crt >"$extra" 2>/dev/null || true
	buildah copy -q "$c" "$extra" /usr/local/share/ca-certificates/of-the-machine.crt
	buildah run "$c" -- update-ca-certificates >/dev/null 2>&1
	buildah config --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env GOPATH=/go \
		--env PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$c"
	buildah commit -q "$c" "$golang" >/dev/null
fi
if ! standin "$rust"; then
	say "stand-in for rust, of this machine's $(rustc --version)"
	into c "$base"
	toolchain=$(rustc --print sysroot)
	buildah add -q "$c" "$toolchain" /usr/local/rustup/toolchain
	buildah run "$c" -- sh -c 'mkdir -p /usr/local/cargo/bin && ln -s /usr/local/rustup/toolchain/bin/* /usr/local/cargo/bin/'
	buildah commit -q "$c" "$rust" >/dev/null
fi

# -------------------------------------------------------------------------------------------------------------- build

version=$(git describe --always --dirty 2>/dev/null || echo unknown)
say "building; the first time it takes some minutes"
began=$SECONDS
for target in without-model ""; do
	buildah bud --quiet --layers --pull-never --network host --format docker --build-arg VERSION="$version" ${target:+--target $target} \
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
	mnt=$(buildah mount "$c")
	du -s --block-size=1000000 "$mnt" | cut -f1
}
for limit in latest:350 without-model:180; do
	size=$(megabytes "minnow:${limit%:*}")
	say "minnow:${limit%:*} has $size MB, of ${limit#*:} allowed"
	[ "$size" -lt "${limit#*:}" ] || fail "the image is too large"
done
config=$(buildah inspect --type image minnow:latest)
for want in '"User": "65532:65532"' '"Healthcheck"' '/data' 'org.opencontainers.image.licenses'; do
	grep -qF "$want" <<<"$config" || fail "the image's configuration lacks $want"
done

# ---------------------------------------------------------------------------------------------------------------- use

into box minnow:latest
data=$work/data
rm -rf "$data"
mkdir -p "$data"
chown 65532:65532 "$data"
mnt=$(buildah mount "$box")
if find "$mnt" -xdev -newer "$mnt/usr/local/bin/minnow" -name '*of-the-machine*' | grep -q .; then fail "this machine's certificates are in the image"; fi

# minnow ARGUMENTS...: as docker run with --read-only, -v data:/data and the image's own user would.
minnow() { buildah run --network none --user 65532:65532 --volume "$data:/data" --volume "$PWD/docs/tour:/in:ro" --mount type=tmpfs,destination=/tmp "$box" -- minnow "$@"; }
say "demo"
minnow demo >"$work/demo.txt" || fail "demo ended with $?"
grep -q 'Bats are mammals' "$work/demo.txt" || fail "demo doesn't answer: $(cat "$work/demo.txt")"
say "import, query"
# Whole outputs, not a pipe into grep -q: a buildah that finds its pipe closed may leave its mounts to the next one.
said=$(minnow import /in/food.csv)
grep -q '^2,573 documents stored' <<<"$said" || fail "import: $said"
said=$(minnow query "made by bees" -k 1 --json)
grep -q '"id":"07858978"' <<<"$said" || fail "query: $said"
minnow doctor >"$work/doctor.txt" || fail "doctor: $(cat "$work/doctor.txt")"

# A server, killed and started again. It listens on this machine's loopback.
port=$((20000 + RANDOM % 10000))
serve() {
	began=$(date +%s%N)
	buildah run --network host --user 65532:65532 --volume "$data:/data" --mount type=tmpfs,destination=/tmp "$box" -- \
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
minnow_healthy() { buildah run --network host --user 65532:65532 "$box" -- minnow serve --healthy --addr "127.0.0.1:$port"; }
minnow_healthy || fail "the health check of a server that is well"
kill -TERM "$(server)"
wait $! || fail "the server doesn't end well"
! minnow_healthy 2>/dev/null || fail "the health check of no server"

# ---------------------------------------------------------------------------------------------------- use, by podman

if ! why=$(podman run --rm --pull never --network none minnow:latest version 2>&1); then
	say "NOT RUN: read-only root file system, health check and compose.yaml, which need podman and runc (Debian: apt-get install podman runc): $(tail -n 1 <<<"$why")"
	[ "${MINNOW_NO_SKIP:-0}" = 0 ] || exit 1
	say "passed"
	exit
fi
# well: the image's own health check, until it is content. Without systemd podman leaves it to us to run it.
well() {
	for _ in $(seq 50); do
		podman healthcheck run $server >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "the health check is never content: $(podman logs $server 2>&1 | tail -n 3)"
}
found() { podman exec $server minnow query "made by bees" -k 1 --json 2>/dev/null | grep -q '"id":"07858978"' || fail "the server's container doesn't find what was imported"; }
say "podman: read-only root file system"
podman volume rm --force $server >/dev/null 2>&1 || true
read_only=(--pull never --network none --read-only --read-only-tmpfs=false --tmpfs /tmp --cap-drop all --volume $server:/data)
podman run --rm "${read_only[@]}" --volume "$PWD/docs/tour:/in:ro" minnow:latest import /in/food.csv 2>/dev/null | grep -q '^2,573 documents stored' || fail "import, read-only"
podman run --detach --name $server "${read_only[@]}" minnow:latest >/dev/null 2>&1
well
found
! podman exec $server touch /usr/local/bin/x 2>/dev/null || fail "the root file system can be written"
podman kill $server >/dev/null
podman start $server >/dev/null 2>&1
well
found
podman rm --force $server >/dev/null 2>&1
podman volume rm $server >/dev/null

say "compose.yaml"
venv=$work/python
[ -e "$venv/bin/podman-compose" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r packaging/requirements.txt; }
compose() { "$venv/bin/podman-compose" --project-name $server "$@" >>"$work/compose.log" 2>&1; }
: >"$work/compose.log"
down() { compose down --volumes || true; }
trap 'down; clean' EXIT
if curl -s http://127.0.0.1:7700/ >/dev/null; then
	skip "compose.yaml wants port 7700, and something is there"
fi
compose up --detach --no-build || fail "compose up: $(tail -n 5 "$work/compose.log")"
for _ in $(seq 50); do
	! curl -sf http://127.0.0.1:7700/healthz >/dev/null || break
	sleep 0.1
done
curl -sf http://127.0.0.1:7700/v1/documents -H 'Content-Type: application/json' -d '[{"id": "1", "text": "a small fish"}]' >/dev/null || fail "the service of compose.yaml doesn't answer: $(tail -n 5 "$work/compose.log")"
compose restart || fail "compose restart: $(tail -n 5 "$work/compose.log")"
for _ in $(seq 50); do
	! curl -sf http://127.0.0.1:7700/v1/documents/1 >/dev/null || break
	sleep 0.1
done
curl -sf http://127.0.0.1:7700/v1/documents/1 | grep -q 'small fish' || fail "after a restart the document is gone"
say "passed"
