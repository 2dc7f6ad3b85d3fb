#!/bin/sh
# snap_tools.sh: a sealed snapshot needs nothing of ours: tar lists and unpacks it, sha256sum verifies it.
set -u
: "${top_builddir:=.}"
tmp=$(mktemp -d) || exit 99
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
n=0
verdict() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

"$top_builddir/tests/unit/snap_sample" "$tmp" || exit 99
file=$(echo "$tmp"/EC25-sample.tar*)
case $file in
*.zst) command -v zstd >/dev/null || { echo "1..0 # SKIP zstd is not installed"; exit 0; } ;;
esac
tar -tf "$file" >"$tmp/list" 2>"$tmp/err"
verdict $? "tar lists it"
[ ! -s "$tmp/err" ]
verdict $? "and has nothing to complain about"
[ "$(sed -n '1p;2p' "$tmp/list" | tr '\n' ' ')" = "EC25-sample/manifest.json EC25-sample/SHA256SUMS " ]
verdict $? "manifest and sums come first"
[ "$(wc -l <"$tmp/list")" -eq 11 ]
verdict $? "every item with bytes has its member"
(cd "$tmp" && tar -xf "$file")
verdict $? "tar unpacks it"
(cd "$tmp/EC25-sample" && sha256sum -c --strict --quiet SHA256SUMS >"$tmp/sums" 2>&1)
verdict $? "sha256sum verifies it"
[ "$(find "$tmp/EC25-sample" -type f ! -name SHA256SUMS | wc -l)" -eq "$(wc -l <"$tmp/EC25-sample/SHA256SUMS")" ]
verdict $? "and leaves no file out"
[ -z "$(find "$tmp/EC25-sample" -type f ! -perm 600)" ]
verdict $? "every file is its owner's alone"
python3 -c 'import json, sys; sys.exit(json.load(open(sys.argv[1]))["verdict"]["is"] != "complete")' \
	"$tmp/EC25-sample/manifest.json"
verdict $? "the manifest is JSON for others too"
printf x >>"$tmp/EC25-sample/at/info.txt"
! (cd "$tmp/EC25-sample" && sha256sum -c --strict --quiet SHA256SUMS >/dev/null 2>&1)
verdict $? "sha256sum sees a byte too many"
echo "1..$n"
