#!/bin/sh
# check_tree.sh [TREE]: the rules of tests/layers.txt over every file of the tree, as TAP. One test a
# rule family; what breaks a rule is named in a comment line before its "not ok".
set -u
tree=${1:-${top_srcdir:-.}}
cd "$tree" || exit 99
export LC_ALL=C
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

# verdict NAME: whatever stands in $tmp/bad are the offences.
verdict() {
	n=$((n + 1))
	if [ -s "$tmp/bad" ]; then
		sed 's/^/# /' "$tmp/bad"
		echo "not ok $n - $1"
	else
		echo "ok $n - $1"
	fi
	: >"$tmp/bad"
}

# Sources, not what a build in the tree leaves behind.
find src backup recovery db man tests docs completion .ci -type f ! -path '*/.deps/*' ! -name '*.o' \
	! -name '*.a' ! -name '*.log' ! -name '*.trs' ! -name '.dirstamp' ! -name '*.gc??' \
	2>/dev/null >"$tmp/found"
for f in README.md NEWS quickstart Makefile.am configure.ac; do
	[ -f "$f" ] && echo "$f"
done >>"$tmp/found"
while read -r f; do
	[ -f "$f.c" ] || echo "$f"
done <"$tmp/found" | sort >"$tmp/all"
grep '\.[ch]$' "$tmp/all" >"$tmp/code"
grep -E '^(src|backup|recovery|db|tests/emu)/' "$tmp/code" >"$tmp/product"
: >"$tmp/bad"

# Includes as "file line quote name".
xargs -r awk '/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
	q = index($0, "<") ? "<" : "\""
	name = $0; sub(/^[^<"]*[<"]/, "", name); sub(/[>"].*$/, "", name)
	print FILENAME, FNR, q, name }' <"$tmp/product" >"$tmp/includes"

# 1. Floors.
awk 'FNR == NR {
	if ($1 == "floor") {
		folder = $3; sub(/:$/, "", folder); dir[$2] = folder
		for (i = 4; i <= NF; i++) may[folder, $i] = 1
	}
	next }
$3 == "\"" {
	folder = ""
	for (d in dir) if (index($1, dir[d] "/") == 1) folder = dir[d]
	to = $4; sub(/\/.*/, "", to)
	if (folder == "") print $1 ":" $2 ": in no floor"
	else if (to == $4) print $1 ":" $2 ": \"" $4 "\" names no floor"
	else if (!((folder, to) in may)) print $1 ":" $2 ": " folder " may not include \"" $4 "\"" }
' tests/layers.txt "$tmp/includes" >"$tmp/bad"
verdict "every include goes down the floors"

# 2. One library, one file. The emulated module is no part of the product.
grep -v '^tests/' "$tmp/includes" >"$tmp/product-includes"
awk 'FNR == NR {
	if ($1 == "header") { re = $2; sub(/:$/, "", re); files[re] = " " $0 " " }
	if ($1 == "within") { re = $3; sub(/:$/, "", re); in_dir[re] = $2 "/"; files[re] = " " $0 " " }
	next }
{ for (re in files)
	if ($4 ~ re && !(re in in_dir) && $3 == "<" && index(files[re], " " $1 " ") == 0)
		print $1 ":" $2 ": <" $4 "> belongs to" substr(files[re], index(files[re], ":") + 1)
	else if ($4 ~ re && re in in_dir && index($1, in_dir[re]) == 1 && index(files[re], " " $4 " ") == 0)
		print $1 ":" $2 ": \"" $4 "\" is not for " in_dir[re] }
' tests/layers.txt "$tmp/product-includes" >"$tmp/bad"
verdict "every library has one file"

# 3. Only recovery writes.
awk 'FNR == NR { if ($1 == "write") for (i = 2; i <= NF; i++) may[$i] = 1; next }
$4 ~ /_write\.h$/ {
	top = $1; sub(/\/.*/, "", top)
	stem = $4; sub(/.*\//, "", stem); sub(/_write\.h$/, "", stem)
	if (!(top in may) && index($1, "src/proto/" stem) != 1)
		print $1 ":" $2 ": only recovery may include \"" $4 "\"" }
' tests/layers.txt "$tmp/includes" >"$tmp/bad"
verdict "only recovery includes what changes a module's storage"

# 4. Words. Comments, strings and characters are taken out first.
cat >"$tmp/strip.awk" <<'END'
FNR == 1 { in_comment = 0 }
{
	s = $0; out = ""
	while (s != "") {
		if (in_comment) {
			i = index(s, "*/")
			if (!i) break
			in_comment = 0; s = substr(s, i + 2); continue
		}
		if (!match(s, /\/\*|\/\/|["']|__attribute__.*$/)) { out = out s; break }
		out = out substr(s, 1, RSTART - 1)
		q = substr(s, RSTART, 1); two = substr(s, RSTART, 2)
		if (q == "_") break # the names in format attributes are no calls
		s = substr(s, RSTART + (q == "/" ? 2 : 1))
		if (two == "/*") { in_comment = 1; continue }
		if (two == "//") break
		while (s != "" && substr(s, 1, 1) != q) s = substr(s, substr(s, 1, 1) == "\\" ? 3 : 2)
		s = substr(s, 2); out = out " "
	}
	print FILENAME ":" FNR ":" out
}
END
grep -v '^tests/' "$tmp/product" | xargs -r awk -f "$tmp/strip.awk" >"$tmp/stripped"
sed -n 's/^word //p' tests/layers.txt | while IFS= read -r rule; do
	re=${rule%%): *}')' files=${rule#*): }
	grep -E "^[^:]*:[0-9]*:(.*[^A-Za-z0-9_.>])?$re([^A-Za-z0-9_].*)?\$" "$tmp/stripped" |
		while IFS= read -r hit; do
			case " $files " in *" ${hit%%:*} "*) ;; *) echo "$hit" ;; esac
		done
done >"$tmp/bad"
verdict "no shell-outs; processes and stdout in one file each"

# 5. Lengths.
xargs -r awk 'FNR == NR { 
	if ($1 == "long-file") { f = $2; sub(/:$/, "", f); long[f] = 1 }
	if ($1 == "long-function") { f = $3; sub(/:$/, "", f); long[$2 " " f] = 1 }
	next }
FNR == 1 { if (file != "" && lines > 800 && !(file in long)) print file ": " lines " lines, over 800"
	file = FILENAME; head = ""; start = 0 }
{ lines = FNR }
/^[A-Za-z_].*\(/ && !/;[ \t]*$/ { head = $0; sub(/\(.*/, "", head); sub(/.*[ *]/, "", head) }
/^\{/ { start = FNR }
/^\}/ { if (start && FNR - start - 1 > 100 && !((FILENAME " " head) in long))
		print FILENAME ":" start ": " head "() has " FNR - start - 1 " lines, over 100"
	start = 0 }
END { if (file != "" && lines > 800 && !(file in long)) print file ": " lines " lines, over 800" }
' tests/layers.txt <"$tmp/code" >"$tmp/bad"
verdict "files stay under 800 lines and functions under 100"

# 6. Layout: what no taste can argue about.
xargs -r awk '
FILENAME == "tests/layers.txt" { if ($1 == "columns") most = $2; next }
{ s = $0; gsub(/\302\240|[\200-\277]/, "", s); w = 0
  for (rest = s; (i = index(rest, "\t")) > 0; rest = substr(rest, i + 1)) w = int((w + i - 1) / 8 + 1) * 8
  w += length(rest) }
# A message is found by searching for its words, so a line that is one string may be long.
w > most && !/^[ \t]*".*"[^"]*$/ { print FILENAME ":" FNR ": " w " columns, over " most }
/[ \t\r]$/ { print FILENAME ":" FNR ": blank at the end of the line" }
/^        / { print FILENAME ":" FNR ": indented with blanks, not tabs" }
/ \t/ { print FILENAME ":" FNR ": blank before a tab" }
' tests/layers.txt <"$tmp/code" >"$tmp/bad"
while read -r f; do
	[ -z "$(tail -c 1 "$f")" ] || echo "$f: no newline at the end"
done <"$tmp/code" >>"$tmp/bad"
verdict "tabs, short lines, no blanks at line ends"

# 7. Header guards name their place.
grep '\.h$' "$tmp/product" | grep -v '^tests/' | while read -r f; do
	want=SALVOR_$(echo "${f#src/}" | tr 'a-z/.' 'A-Z__')
	grep -q "^#ifndef $want\$" "$f" || echo "$f: the guard is not $want"
done >"$tmp/bad"
verdict "header guards follow the path"

# 8. Words that mean unfinished, and paths of one machine.
xargs -r grep -nIE '(^|[^A-Za-z0-9_])([T]ODO|[F]IXME|[X]XX|[H]ACK)([^A-Za-z0-9_]|$)' /dev/null <"$tmp/all" >"$tmp/bad"
xargs -r grep -nIE '(^|[^A-Za-z0-9_.])/([w]ork|[f]arm)/[a-z]' /dev/null <"$tmp/all" >>"$tmp/bad"
verdict "nothing unfinished, no path of one machine"

# 9. Nobody's identity.
sed -n 's/^imei //p' tests/layers.txt >"$tmp/known"
sed -n 's/^imei-range \(.*\)/^\1$/p' tests/layers.txt >"$tmp/ranges"
xargs -r grep -aoE '(^|[^0-9A-Za-z])[0-9]{15}([^0-9A-Za-z]|$)' /dev/null <"$tmp/all" |
	while IFS= read -r hit; do
		number=$(printf '%s\n' "${hit#*:}" | tr -cd '0-9')
		grep -qxF "$number" "$tmp/known" && continue
		printf '%s\n' "$number" | grep -qE -f "$tmp/ranges" && continue
		echo "${hit%%:*}: $number looks like somebody's IMEI"
	done >"$tmp/bad"
verdict "no identity outside the documented test numbers"

# 10. Options that a verb looks up are declared where it declares its own, or global.
shared=$(grep -E '^src/cmd/' "$tmp/code" | grep -v '/cmd_')
for f in src/cmd/cmd_*.c; do
	[ -f "$f" ] || continue
	grep -oE 'parsed_(flag|count|str|list_at|num|choice)\([a-z_>-]+, "[^"]*"' "$f" |
		sed 's/.*"\(.*\)"/\1/' | sort -u | while read -r name; do
		# Options that several verbs share are declared in a file that is no verb.
		grep -qE "(\.name = |\{ )\"$name\"" "$f" $shared /dev/null ||
			echo "$f: --$name is looked up but not declared in this file"
	done
done >"$tmp/bad"
verdict "options that are looked up are declared"
echo "1..$n"
