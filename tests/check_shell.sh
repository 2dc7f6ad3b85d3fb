#!/bin/sh
# check_shell.sh: what only other programs can judge, each where it is installed: the pages are good
# mdoc, the completion scripts parse, and in bash the completion completes.
set -u
salvor=${top_builddir:-.}/salvor
man=${top_srcdir:-.}/man
completion=${top_srcdir:-.}/src/cmd/completion/salvor
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0
verdict() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2 is not installed"
}

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$man"/*.[15] 2>&1 | sed 's/^/# /'
	mandoc -T lint -W warning "$man"/*.[15] >/dev/null 2>&1
	verdict $? "the manual has no mdoc warning"
else
	skip "the manual has no mdoc warning" mandoc
fi

for shell in bash zsh fish; do
	"$salvor" completion $shell >"$tmp/$shell" || exit 99
	if command -v $shell >/dev/null; then
		$shell -n "$tmp/$shell" 2>&1 | sed 's/^/# /'
		$shell -n "$tmp/$shell" 2>/dev/null
		verdict $? "the completion for $shell parses"
	else
		skip "the completion for $shell parses" $shell
	fi
done

# complete WORD...: what bash offers for the last word, on one line.
complete_words() {
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _salvor; echo "${COMPREPLY[@]}"' \
		- "$tmp/bash" "$@"
}
offers() { # EXPECTED WORD...
	want=$1
	shift
	got=$(complete_words "$@")
	[ "$got" = "$want" ] && return 0
	echo "# '$*' offers '$got', not '$want'"
	return 1
}
if command -v bash >/dev/null; then
	offers version salvor vers
	verdict $? "bash completes a verb"
	offers --progress-fd salvor version --prog
	verdict $? "bash completes an option of the verb"
	offers "always auto" salvor --color a >/dev/null || offers "auto always" salvor --color a
	verdict $? "bash completes the choices of an option before the verb"
	offers "" salvor --progress-fd vers
	verdict $? "bash offers no verb where a number is due"
	offers completion salvor help comp
	verdict $? "bash completes a verb after help"
else
	skip "bash completes" bash
fi
"$salvor" completion bash >"$tmp/now"
cmp -s "$tmp/now" "$completion" ||
	echo "# src/cmd/completion/salvor is not what the table says: run make completion"
cmp -s "$tmp/now" "$completion"
verdict $? "the installed completion is that of the table"
echo "1..$n"
