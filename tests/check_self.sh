#!/bin/sh
# check_self.sh: the checks can fail. Each is fed one bad sample in a small tree of its own, and must
# name exactly the rule that the sample breaks.
set -u
top=${top_srcdir:-.}
here=$(cd "$top/tests" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

fresh() {
	rm -rf "$tmp/t"
	mkdir -p "$tmp/t/src/wire" "$tmp/t/src/proto" "$tmp/t/src/cmd" "$tmp/t/src/base" "$tmp/t/backup" \
		"$tmp/t/tests/emu"
	cp "$here/layers.txt" "$tmp/t/tests/"
	printf '#ifndef SALVOR_WIRE_GOOD_H\n#define SALVOR_WIRE_GOOD_H\n#include <stdint.h>\nuint8_t good(void);\n#endif\n' \
		>"$tmp/t/src/wire/good.h"
}

# finds RULE FILE TEXT: FILE with TEXT (printf format) breaks rule number RULE of check_tree.sh, and no other.
finds() {
	fresh
	printf "$3" >"$tmp/t/$2"
	got=$(sh "$here/check_tree.sh" "$tmp/t" | sed -n 's/^not ok \([0-9]*\) .*/\1/p' | tr '\n' ' ')
	n=$((n + 1))
	if [ "$got" = "${1:+$1 }" ]; then
		echo "ok $n - check_tree: rule ${1:-none} for $2"
	else
		echo "# rules broken: ${got:-none}"
		echo "not ok $n - check_tree: rule ${1:-none} for $2"
	fi
}

finds "" src/wire/a.c '#include "wire/good.h"\n\n/* no system() here, "printf(" */\n'
finds 1 src/wire/a.c '#include "proto/sahara.h"\n'
finds 1 src/wire/a.c '#include "good.h"\n'
finds 1 tests/emu/a.c '#include "wire/good.h"\n'
finds 1 backup/a.c '#include "recovery/plan.h"\n'
finds 2 src/proto/a.c '#include <libusb-1.0/libusb.h>\n'
finds 2 src/cmd/a.c '#include <time.h>\n'
finds 2 src/proto/a.c '#include "link/usb.h"\n'
finds 3 backup/a.c '#include "proto/firehose_write.h"\n'
finds "" src/proto/firehose.c '#include "proto/firehose_write.h"\n'
finds 4 src/cmd/a.c 'int f(void) { return system("true"); }\n'
finds 4 src/cmd/a.c 'void f(void) { execvp("a", 0); }\n'
finds 4 backup/a.c 'void f(void) { fputs("x", stdout); }\n'
finds 4 backup/a.c 'void f(void) { printf("x"); }\n'
finds 4 backup/a.c 'int f(void) { return fork(); }\n'
finds "" src/cmd/render.c 'void f(void) { fputs("x", stdout); }\n'
finds "" backup/a.c 'void f(void) { fprintf(stderr, "x printf("); snprintf(b, 1, "x"); } /* fork() */\n'
finds 5 src/wire/a.c "$(yes '\n' | head -n 801 | tr -d '\n')"
finds 5 src/wire/a.c "int f(int x)\n{\n$(yes '\tx++;\n' | head -n 101 | tr -d '\n')}\n"
finds "" src/wire/a.c "int f(int x)\n{\n$(yes '\tx++;\n' | head -n 100 | tr -d '\n')}\n"
finds 6 src/wire/a.c 'int a; \n'
finds 6 src/wire/a.c '        int a;\n'
finds 6 src/wire/a.c 'int a;'
finds 6 src/wire/a.c "\t/* $(yes x | head -n 125 | tr -d '\n') */\n"
finds "" src/wire/a.c "\t\"$(yes x | head -n 125 | tr -d '\n')\",\n"
finds 7 src/wire/a.h '#ifndef A_H\n#define A_H\n#endif\n'
finds 8 src/wire/a.c '/* TO''DO: later */\n'
finds 8 src/wire/a.c '/* see /wo''rk/main */\n'
finds 9 tests/emu/a.txt 'imei=86664203''0123451\n'
finds "" tests/emu/a.txt 'imei=490154203237518 0x866642030123451ab\n'
finds 10 src/cmd/cmd_a.c 'int f(void)\n{\n\treturn parsed_flag(p, "nonsense");\n}\n'

finds_build() { # EXPECTED NAME
	got=$(sh "$here/check_build.sh" "$tmp/t" "$tmp/t" | sed -n 's/^not ok \([0-9]*\) .*/\1/p' | tr '\n' ' ')
	n=$((n + 1))
	[ "$got" = "$1" ] || echo "# rules broken: ${got:-none}"
	if [ "$got" = "$1" ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
library() { # SOURCE
	: >"$tmp/t/config.h"
	printf '%s\n' "$1" >"$tmp/x.c"
	${CC:-cc} -c -o "$tmp/x.o" "$tmp/x.c" && rm -f "$tmp/t"/*.a &&
		${AR:-ar} cr "$tmp/t/libwire.a" "$tmp/x.o" && cp "$tmp/t/libwire.a" "$tmp/t/libimage.a"
}
fresh
library '#include <string.h>
size_t f(const char *s); size_t f(const char *s) { return strlen(s); }'
finds_build "" "check_build: a pure library passes"
library '#include <unistd.h>
long f(char *s); long f(char *s) { return read(0, s, 1); }'
finds_build "2 " "check_build: a library that reads a file is found"
library 'int x;'
printf 'size_t f(void);\n' >"$tmp/t/src/wire/bad.h"
finds_build "1 " "check_build: a header that leans on another is found"

# An offence that the manual as it stands does not have.
man() {
	rm -rf "$tmp/man"
	mkdir "$tmp/man"
	cp "$top"/man/*.[15] "$tmp/man/"
	chmod -R u+w "$tmp/man"
}
offences() { "${top_builddir:-.}/tests/check_table" "$tmp/man" | grep '^#' | sort; }
finds_man() { # OFFENCE NAME
	n=$((n + 1))
	offences >"$tmp/after"
	if comm -13 "$tmp/before" "$tmp/after" | grep -qF "$1"; then
		echo "ok $n - check_table: $2"
	else
		comm -13 "$tmp/before" "$tmp/after"
		echo "not ok $n - check_table: $2"
	fi
}
man
offences >"$tmp/before"
printf '.It Fl Fl nonsense\n' >>"$tmp/man/salvor-help.1"
finds_man "there is no option --nonsense" "an option that the table lacks is found"
man
cp "$tmp/man/salvor-help.1" "$tmp/man/salvor-nonsense.1"
finds_man "there is no verb 'nonsense'" "a page without a verb is found"
man
rm "$tmp/man/salvor-help.1"
finds_man "salvor-help.1" "a verb without a page is found"
man
sed '/^\.It Fl Fl imei/d' "$top/man/salvor.1" >"$tmp/man/salvor.1"
finds_man "salvor.1 lacks --imei" "a global option without a line is found"
man
sed '/^\.It 130/d' "$top/man/salvor.1" >"$tmp/man/salvor.1"
finds_man "salvor.1 lacks exit status 130" "an exit status without a line is found"
man
sed '/salvor help completion/d' "$top/man/salvor-help.1" >"$tmp/man/salvor-help.1"
finds_man "lacks the example" "a missing example is found"
echo "1..$n"
