#!/usr/bin/env bash
# usage: dist.sh [FOLDER]   (default: dist)
#
# Makes what a release carries, for those without a toolchain: a tarball and a Debian package with the binary, the
# runtime library, the model, manual pages, completions and licences, and their checksums. The same commit and the same
# compilers give the same bytes: nothing in them is of this day or this folder.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "${1:-dist}"
out=$(cd "${1:-dist}" && pwd)
scripts/setup.sh >&2
eval "$(scripts/setup.sh env)"
arch=$(go env GOARCH)
version=${VERSION:-$(git describe --tags --always --dirty)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
name=minnow-$version-linux-$arch
tree=$out/$name
umask 022
rm -rf "$tree"
mkdir -p "$tree"/{bin,lib/minnow,share/minnow/models,share/man/man1,share/doc/minnow}

echo "dist: $name" >&2
go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$version" -o "$tree/bin/minnow" ./cmd/minnow
runtime=("$MINNOW_HOME"/onnxruntime-*)
runtime=${runtime[-1]}
install -m 644 "$runtime/lib/libonnxruntime.so" "$tree/lib/minnow/"

# The model, without the weights in the format that only the export reads.
model=$(MINNOW_DB=/nonexistent "$tree/bin/minnow" model path)
mkdir -p "$tree/share/minnow/models/$(basename "$model")"
(cd "$model" && find . -type f ! -name '*.safetensors' ! -name '.*' -print0 | xargs -0 cp --parents -t "$tree/share/minnow/models/$(basename "$model")")

"$tree/bin/minnow" man "$tree/share/man/man1"
gzip -9n "$tree"/share/man/man1/*.1
mkdir -p "$tree"/share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
"$tree/bin/minnow" completion bash >"$tree/share/bash-completion/completions/minnow"
"$tree/bin/minnow" completion zsh >"$tree/share/zsh/site-functions/_minnow"
"$tree/bin/minnow" completion fish >"$tree/share/fish/vendor_completions.d/minnow.fish"

# Licences: ours, of the native parts, and of every Go module in the binary.
doc=$tree/share/doc/minnow
cp LICENSE NOTICE README.md CHANGELOG.md "$doc/"
mkdir -p "$doc/licenses"
cp "$runtime/LICENSE" "$doc/licenses/onnxruntime"
cp "$runtime/ThirdPartyNotices.txt" "$doc/licenses/onnxruntime-third-parties"
for part in hnswlib tokenizers; do
	found=("$MINNOW_HOME/$part"-*)
	[ ! -e "${found[-1]}/LICENSE" ] || cp "${found[-1]}/LICENSE" "$doc/licenses/$part"
done
cp "$(go env GOROOT)/LICENSE" "$doc/licenses/go"
go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/minnow | sort -u | while read -r module dir; do
	for file in "$dir"/LICENSE* "$dir"/LICENCE* "$dir"/COPYING* "$dir"/NOTICE*; do
		[ ! -f "$file" ] || cp "$file" "$doc/licenses/${module//\//-}-$(basename "$file")"
	done
done
find "$tree" -type f -exec chmod u=rw,go=r {} +
chmod 755 "$tree/bin/minnow"
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$tree" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS && touch -d "@$SOURCE_DATE_EPOCH" SHA256SUMS .)

tar --sort=name --format=posix --pax-option=delete=atime,delete=ctime --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
	-C "$out" -cf - "$name" | gzip -9n >"$out/$name.tar.gz"

# Debian wants a version that begins with a digit.
glibc=$(objdump -T "$tree/bin/minnow" "$tree/lib/minnow/libonnxruntime.so" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
glibcxx=$(objdump -T "$tree/bin/minnow" "$tree/lib/minnow/libonnxruntime.so" | grep -o 'GLIBCXX_3[0-9.]*' | sort -uV | tail -n 1)
echo "dist: needs ${glibc/_/ } and $glibcxx" >&2
debian=${version#v}
case $debian in [0-9]*.*) ;; *) debian=0.0~$debian ;; esac
config=$(mktemp)
cat >"$config" <<YAML
name: minnow
arch: $arch
platform: linux
version: "$debian"
version_schema: none
section: database
maintainer: minnow maintainers <maintainers@minnow-search.invalid>
description: Semantic search for texts, on this machine
homepage: https://github.com/minnow-search/minnow
license: Apache-2.0
mtime: $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
depends: ["libc6 (>= ${glibc#GLIBC_})", "libstdc++6"]
contents:
$(for dir in bin lib share; do printf -- '  - {src: "%s", dst: /usr/%s, type: tree}\n' "$tree/$dir" "$dir"; done)
  - {src: "$doc/NOTICE", dst: /usr/share/doc/minnow/copyright}
deb:
  compression: zstd
YAML
go tool -modfile=tools/go.mod nfpm package -f "$config" -p deb -t "$out/minnow_${debian}_$arch.deb" >&2
rm "$config"
(cd "$out" && sha256sum "$name.tar.gz" "minnow_${debian}_$arch.deb" >"minnow-$version-linux-$arch.sha256")
rm -rf "$tree"
cat "$out/minnow-$version-linux-$arch.sha256"
