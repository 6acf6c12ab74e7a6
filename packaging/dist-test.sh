#!/usr/bin/env bash
# usage: dist-test.sh
#
# Makes the release's files twice, the second time in a clone elsewhere with an empty build cache, and compares them byte
# for byte. Then it uses them as somebody would who has nothing: in a bare Debian without Go, Python or Rust, as a user
# without rights and without a network, from the tarball and from the package; and on lesser processors.
# What the machine doesn't allow is said, and fails it if MINNOW_NO_SKIP=1.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh >&2
eval "$(scripts/setup.sh env)"
work=$MINNOW_HOME/dist-test
mkdir -p "$work"
say() { echo "dist-test: $*" >&2; }
fail() {
	say "FAILED: $*"
	exit 1
}
skip() {
	say "NOT RUN: $*"
	[ "${MINNOW_NO_SKIP:-0}" = 0 ] || exit 1
}

# The working tree as it is, at one time and under one name, in two places.
rm -rf "$work"/{one,two,clone,cache}
export VERSION=0.0.0-test SOURCE_DATE_EPOCH=1700000000
packaging/dist.sh "$work/one" >/dev/null
mkdir -p "$work/clone"
git ls-files -coz --exclude-standard | xargs -0 cp --parents -t "$work/clone"
GOCACHE=$work/cache "$work/clone/packaging/dist.sh" "$work/two" >/dev/null
rm -rf "$work/clone" "$work/cache"
for file in "$work"/one/*; do
	cmp "$file" "$work/two/${file##*/}" || fail "${file##*/} differs from build to build"
done
rm -r "$work/two"
tarball=$(echo "$work"/one/*.tar.gz) package=$(echo "$work"/one/*.deb)
say "reproducible: $(du -h "$tarball" "$package" | awk '{print $1}' | paste -sd' ') tarball, package"
(cd "$work/one" && sha256sum -c --quiet ./*.sha256)

# Lesser processors: the kernels forced down, and another processor altogether.
rm -rf "$work/unpacked"
mkdir "$work/unpacked"
tar -xzf "$tarball" -C "$work/unpacked" --strip-components=1
(cd "$work/unpacked" && sha256sum -c --quiet SHA256SUMS)
alone() { env -i HOME="$work" PATH=/usr/bin:/bin "$@"; }
reference=$(alone "$work/unpacked/bin/minnow" demo)
grep -q 'Bats are mammals' <<<"$reference" || fail "demo says: $reference"
best=$({ alone "$work/unpacked/bin/minnow" doctor || true; } | sed -n 's/.*distances by //p')
case $best in
avx512vnni) lesser="avx512 avx2 portable" ;;
neon*) lesser="neon portable" ;;
*) lesser="avx2 portable" ;;
esac
for kernel in $lesser; do
	got=$(alone MINNOW_KERNEL=$kernel "$work/unpacked/bin/minnow" demo) || fail "demo with the kernel $kernel"
	diff <(sed -n '/plain words/,$p' <<<"$reference") <(sed -n '/plain words/,$p' <<<"$got") >&2 || fail "the kernel $kernel answers otherwise"
done
say "kernels $lesser answer as $best"
if [ "$(uname -m)" = x86_64 ] && command -v qemu-x86_64 >/dev/null; then
	for cpu in Nehalem Haswell; do
		got=$(alone qemu-x86_64 -cpu $cpu "$work/unpacked/bin/minnow" demo 2>"$work/qemu.log") || fail "demo on a $cpu: $(tail -n 3 "$work/qemu.log")"
		diff <(sed -n '/plain words/,$p' <<<"$reference") <(sed -n '/plain words/,$p' <<<"$got") >&2 || fail "a $cpu answers otherwise"
		say "a $cpu answers the same: $(alone qemu-x86_64 -cpu $cpu "$work/unpacked/bin/minnow" doctor 2>/dev/null | sed -n 's/.*hnswlib *//p')"
	done
else
	skip "no older processors: they need an x86-64 machine and qemu-x86_64 (Debian: apt-get install qemu-user)"
fi

# A machine with nothing.
status=0
packaging/debian.sh "$MINNOW_HOME/image-test/debian" || status=$?
if [ $status = 77 ]; then
	skip "no bare Debian, see above"
	exit 0
fi
root=$work/root
umount "$root/proc" 2>/dev/null || true
rm -rf "$root"
cp -a "$MINNOW_HOME/image-test/debian" "$root"
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT
mount -t proc proc "$root/proc" || { skip "chroot has no /proc: this machine doesn't allow mount"; exit 0; }
for tool in go python3 cargo gcc; do
	[ ! -e "$root/usr/bin/$tool" ] || fail "the bare Debian has $tool"
done
mkdir -p "$root/opt/minnow" "$root/home/user"
chown 65534:65534 "$root/home/user"
tar -xzf "$tarball" -C "$root/opt/minnow" --strip-components=1
cp docs/tour/food.csv "$root/home/user/"
# as_user COMMAND...: in the bare Debian, without rights and without a network.
as_user() { unshare --net chroot --userspec=65534:65534 "$root" env -i HOME=/home/user PATH="$path" sh -c 'cd; exec "$@"' sh "$@"; }
try() {
	as_user minnow demo >"$work/demo.txt" || fail "$1: demo ended with $?"
	grep -q 'Bats are mammals' "$work/demo.txt" || fail "$1: demo says $(cat "$work/demo.txt")"
	as_user minnow import food.csv | grep -q '^2,573 documents stored' || fail "$1: import"
	as_user minnow query "made by bees" -k 1 --json | grep -q '"id":"07858978"' || fail "$1: query"
	as_user minnow doctor >"$work/doctor.txt" || fail "$1: doctor: $(cat "$work/doctor.txt")"
	say "$1: demo, import, query and doctor work"
}
path=/opt/minnow/bin:/usr/bin:/bin
try "tarball"
rm -rf "$root/opt/minnow" "$root/home/user/.local"
cp "$package" "$root/tmp/minnow.deb"
chroot "$root" dpkg -i /tmp/minnow.deb >"$work/dpkg.log" 2>&1 || fail "dpkg -i: $(cat "$work/dpkg.log")"
path=/usr/bin:/bin
try "package"
[ -e "$root/usr/share/man/man1/minnow-query.1.gz" ] || fail "the package has no manual"
chroot "$root" dpkg -r minnow >"$work/dpkg.log" 2>&1 || fail "dpkg -r: $(cat "$work/dpkg.log")"
[ -z "$(find "$root/usr" -name '*minnow*' -not -path '*/dpkg/*')" ] || fail "dpkg -r left $(find "$root/usr" -name '*minnow*')"
say "passed"
