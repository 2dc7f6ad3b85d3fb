#!/bin/sh
# check_build.sh: what only the compiler and the objects can tell, as TAP: every header compiles alone,
# and the pure floors have no symbol that reaches outside.
# With arguments: TREE BUILD, for the check's own test.
set -u
tree=${1:-${top_srcdir:-.}}
build=${2:-${top_builddir:-.}}
export LC_ALL=C
n=0
bad=0
verdict() {
	n=$((n + 1))
	if [ "$bad" -eq 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
	bad=0
}

cd "$tree" || exit 99
for h in $(find src backup recovery db -name '*.h' | sort); do
	# -x c and not the header as input: a header precompiled by mistake would hide what is missing.
	if ! out=$(printf '#include "%s"\n' "$h" | ${CC:-cc} -std=gnu11 -Wall -Werror -fsyntax-only \
		-include "$build/config.h" -Isrc -I. -I"$build" -x c - 2>&1); then
		printf '%s\n' "$out" | sed 's/^/# /'
		bad=1
	fi
done
verdict "every header compiles alone"

symbols=$(sed -n 's/^symbol //p' tests/layers.txt)
while IFS= read -r rule; do
	[ -n "$rule" ] || continue
	re=${rule%:*}
	for lib in ${rule##*:}; do
		[ -f "$build/$lib" ] || { echo "# $lib is not there"; bad=1; continue; }
		# Names of the sanitizers and of _FORTIFY_SOURCE wrap the plain ones.
		hits=$(${NM:-nm} -u "$build/$lib" 2>/dev/null | awk 'NF == 2 && $1 == "U" { print $2 }' |
			sed 's/^__\([a-z]*_chk\)$/\1/' | sort -u | grep -xE "$re")
		[ -z "$hits" ] || { echo "# $lib uses" $hits; bad=1; }
	done
done <<END
$symbols
END
verdict "codecs and formats reach no file, clock, terminal or network"
echo "1..$n"
