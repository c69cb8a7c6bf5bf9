#!/bin/sh
# Installs meet for Linux and macOS: fetches the archive of a release, compares its
# checksum and puts the program where the shell finds it.
#
#   MEET_VERSION=v1.2.3   another release than the newest
#   MEET_BIN=/opt/bin     another place; default /usr/local/bin for root, else ~/.local/bin
#   MEET_DOWNLOAD=URL     another server than that of the project: it has the files of
#                         a release
set -eu

home=https://github.com/meet-term/meet

fail() {
	echo "meet was not installed: $*" >&2
	exit 1
}

fetch() { # URL FILE
	if command -v curl >/dev/null 2>&1; then
		curl -fsSL --retry 2 -o "$2" "$1"
	elif command -v wget >/dev/null 2>&1; then
		wget -q -O "$2" "$1"
	else
		fail "it takes curl or wget to fetch it"
	fi
}

sum() { # FILE
	if command -v sha256sum >/dev/null 2>&1; then
		sha256sum "$1"
	elif command -v shasum >/dev/null 2>&1; then
		shasum -a 256 "$1"
	else
		fail "it takes sha256sum or shasum to check what was fetched"
	fi | cut -d ' ' -f 1
}

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) fail "there is no archive for $(uname -s); on Windows: scoop install $home/releases/latest/download/meet.json" ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no archive for a processor of $(uname -m); with Go: go install github.com/meet-term/meet/cmd/meet@latest" ;;
esac

if [ -n "${MEET_DOWNLOAD:-}" ]; then
	from=$MEET_DOWNLOAD
elif [ -n "${MEET_VERSION:-}" ]; then
	from=$home/releases/download/$MEET_VERSION
else
	from=$home/releases/latest/download
fi
if [ -n "${MEET_BIN:-}" ]; then
	to=$MEET_BIN
elif [ "$(id -u)" = 0 ]; then
	to=/usr/local/bin
else
	to=$HOME/.local/bin
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fetch "$from/checksums.txt" "$dir/checksums.txt" || fail "$from/checksums.txt cannot be fetched"
archive=$(sed -n "s/^[0-9a-f]*  \(meet_.*_${os}_${arch}\.tar\.gz\)\$/\1/p" "$dir/checksums.txt")
[ -n "$archive" ] || fail "the release has nothing for $os on $arch"
fetch "$from/$archive" "$dir/$archive" || fail "$from/$archive cannot be fetched"
want=$(sed -n "s/^\([0-9a-f]*\)  $archive\$/\1/p" "$dir/checksums.txt")
[ "$(sum "$dir/$archive")" = "$want" ] || fail "the checksum of $archive is not that of the release"

tar -xzf "$dir/$archive" -C "$dir" meet || fail "$archive cannot be unpacked"
mkdir -p "$to" || fail "$to cannot be made"
chmod 755 "$dir/meet"
# Beside the old one and then in its place: a call that runs goes on.
cp "$dir/meet" "$to/.meet.new" || fail "$to cannot be written to"
mv -f "$to/.meet.new" "$to/meet" || fail "$to/meet cannot be replaced"

echo "installed $("$to/meet" version) in $to"
case :$PATH: in
*:"$to":*) echo "begin with: meet join demo" ;;
*) echo "begin with: $to/meet join demo   ($to is not in your PATH)" ;;
esac
