#!/usr/bin/env bash
# usage: debian.sh DIR
#
# Makes a bare Debian in DIR with debootstrap, as slim as the image debian:trixie-slim: what a test of a package or an
# image runs in, without Go, Python and Rust. A second call finds the first one's. Ends with 77 and a word why, where the
# machine can't.
set -euo pipefail
dir=$1
release=trixie

cannot() {
	echo "no bare Debian here: $*" >&2
	exit 77
}
[ "$(id -u)" = 0 ] || cannot "debootstrap and chroot need root; run this as root"
command -v debootstrap >/dev/null || cannot "debootstrap is missing; on Debian: apt-get install debootstrap"
[ ! -e "$dir/.complete" ] || exit 0
echo "Debian $release: fetching, about a minute" >&2
rm -rf "$dir"
mkdir -p "$dir"
log=$(mktemp)
debootstrap --variant=minbase "$release" "$dir" >"$log" 2>&1 || { tail -n 5 "$log" >&2; cannot "debootstrap failed; the whole output is in $log"; }
rm -rf "$log" "$dir"/usr/share/{doc,man,info,locale,lintian}/* "$dir"/var/{cache,lib}/apt/{lists/*,archives/*.deb,*.bin} "$dir"/var/cache/apt/*.bin "$dir"/var/log/*.log
touch "$dir/.complete"
