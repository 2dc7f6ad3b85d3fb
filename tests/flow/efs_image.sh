#!/bin/sh
# The verbs on raw dumps: what is in the image comes out, byte for byte; what is not there is listed, and
# never given out under a name that promises more.
. "${top_srcdir:-.}/tests/flow/lib.sh"
MK=$top_builddir/emu-efs2

# spec: a tree as a module has it, in $W/spec; the same files in $W/in.
spec() {
	mkdir -p "$W/in"
	head -c 70000 /dev/urandom >"$W/in/policy"
	head -c 5000 /dev/urandom >"$W/in/scan"
	cat >"$W/spec" <<END
item 0777 0 /nvm/num/550 hex:084a095124303257 81
item 0777 0 /nvm/context1/550 hex:083a6539085346839 0
item 0777 0 /nvm/num/85 text:123456
item 0777 1400000000 /nv/item_files/rfnv/00020000 text:calibration
file 0644 1500000000 /policyman/carrier_policy.xml file:$W/in/policy
file 0600 1500000001 /rfc/rffe_scan/rffe_scan.dat file:$W/in/scan
file 0640 1600000000 /data/version text:Modem EC25EFAR06A17M4G_20.200.20.200 of 2021
file 0644 1600000001 /data/empty -
dir 0750 1600000002 /data/hollow -
link 0777 0 /data/link text:/../../../../tmp/elsewhere
item 0777 0 /odd/50%\x09of text:odd
item 0777 0 /odd/.. text:up
END
	sed -i 's/3257 81/325781/; s/4683\(9\) 0/4683\10/' "$W/spec"
}

image() {
	spec
	"$MK" "$1" "$W/spec" "$W/efs2.bin"
}

# The block map of $W/efs2.bin, with block $1 of $2 pages of $3 bytes bad.
map_bad() {
	python3 - "$W/efs2.bin" "$1" "$2" "$3" <<'PY'
import sys, json, hashlib
path, bad, per, page = sys.argv[1], *map(int, sys.argv[2:])
data = open(path, 'rb').read()
n = len(data) // (per * page)
runs = [{"block": b, "count": 1, "state": "bad" if b == bad else "data",
         "data_pages": 0 if b == bad else per} for b in range(n)]
json.dump({"salvor_block_map": 1, "sha256": hashlib.sha256(data).hexdigest(), "page_size": page,
           "pages_per_block": per, "filler": 238, "blocks": n, "runs": runs}, open(path + '.map', 'w'))
PY
}

listing() {
	image "$1"
	run 0 efs ls --image "$W/efs2.bin"
	says '^dir +040755 .* nvm +ok'
	run 0 efs ls --image "$W/efs2.bin" /nvm/num --json
	json '[x["name"] for x in d["result"]["entries"]] == ["550", "85"]'
	json 'd["result"]["entries"][0]["verdict"] == "ok" and d["result"]["entries"][0]["type"] == "item"'
	run 0 efs tree --image "$W/efs2.bin" /data
	says '^file +44 +/data/version +- +ok'
	run 0 efs ls --image "$W/efs2.bin" /data
	says '^file +100640 +44 +2020-09-13T12:26:40Z +version'
	run 0 efs tree --image "$W/efs2.bin" --json
	json 'len(d["result"]["entries"]) == len(set(x["path"] for x in d["result"]["entries"])) == 23'
	json '"/odd/%2E%2E" in [x["path"] for x in d["result"]["entries"]]'
	run 0 efs stat --image "$W/efs2.bin" /policyman/carrier_policy.xml --json
	json 'd["result"]["size"] == 70000 and d["result"]["mode"] == "100644" and d["result"]["mtime"] == 1500000000'
	run 0 efs stat --image "$W/efs2.bin" /data/link
	says 'target: +/../../../../tmp/elsewhere'
	run 5 efs stat --image "$W/efs2.bin" /nvm/num/551
	errs "'/nvm/num/551' does not exist in the image"
	run 2 efs extract -o "$W/nowhere"
	errs 'give --image FILE'
}

getting() {
	image "$1"
	run 0 efs get --image "$W/efs2.bin" /policyman/carrier_policy.xml -o "$W/policy"
	same "$W/policy" "$W/in/policy"
	run 1 efs get --image "$W/efs2.bin" /policyman/carrier_policy.xml -o "$W/policy"
	errs 'exists and is not overwritten'
	run 0 efs get --image "$W/efs2.bin" /rfc/rffe_scan/rffe_scan.dat -o -
	same "$W/out" "$W/in/scan"
	mkdir "$W/there"
	run 0 efs get --image "$W/efs2.bin" /nvm/num/550 -o "$W/there" --json
	json 'd["result"]["bytes"] == 9 and d["result"]["missing"] == 0'
	[ "$(od -An -tx1 "$W/there/550" | tr -d ' ')" = 084a09512430325781 ] || fail "wrong bytes"
	run 0 efs get --image "$W/efs2.bin" /odd/%2E%2E -o "$W/there/"
	[ "$(cat "$W/there/%2E%2E")" = up ] || fail "escaped name"
	run 5 efs get --image "$W/efs2.bin" /nvm -o "$W/x"
	errs 'is a directory'
}

extracting() {
	image "$1"
	( umask 077; run 0 efs extract --image "$W/efs2.bin" -o "$W/tree" )
	same "$W/tree/policyman/carrier_policy.xml" "$W/in/policy"
	same "$W/tree/rfc/rffe_scan/rffe_scan.dat" "$W/in/scan"
	[ "$(stat -c '%a %Y' "$W/tree/policyman/carrier_policy.xml")" = '644 1500000000' ] || fail "mode and time"
	[ "$(stat -c '%a %Y' "$W/tree/data/hollow")" = '750 1600000002' ] || fail "mode and time of a folder"
	[ "$(stat -c %a "$W/tree")" = 700 ] || fail "the folder is open to others"
	[ "$(cat "$W/tree/odd/%2E%2E")" = up ] || fail "escaped name"
	[ "$(cat "$W/tree/data/link%.link")" = /../../../../tmp/elsewhere ] || fail "link"
	[ -z "$(find "$W/tree" -type l)" ] || fail "a link was made"
	[ "$(find "$W/tree" -type f | wc -l)" = 12 ] || fail "number of files"
	python3 - "$W/tree" <<'PY' || fail "the list does not agree with the files"
import sys, json, hashlib, os
top = sys.argv[1]
rows = [json.loads(l) for l in open(top + '/%manifest.jsonl')]
files = [r for r in rows if r["type"] != "dir"]
assert len(rows) == 23 and all(r["verdict"] == "ok" for r in rows)
for r in files:
    data = open(os.path.join(top, r["stored"]), 'rb').read()
    assert len(data) == r["size"] and hashlib.sha256(data).hexdigest() == r["sha256"]
assert [r["mode"] for r in rows if r["path"] == "/nvm/num/550"] == ["160777"]
PY
	run 1 efs extract --image "$W/efs2.bin" -o "$W/tree"
	errs 'exists and is not overwritten'
	run 0 efs extract --image "$W/efs2.bin" -o "$W/t.tar" --json
	json 'd["result"]["files"] == 4 and d["result"]["items"] == 6 and d["result"]["links"] == 1'
	mkdir "$W/untar"
	tar -xpf "$W/t.tar" -C "$W/untar"
	diff -r "$W/tree" "$W/untar" || fail "tar and folder differ"
	[ "$(stat -c '%a %Y' "$W/untar/data/hollow")" = '750 1600000002' ] || fail "folder in the tar"
	run 0 efs extract --image "$W/efs2.bin" -o -
	same "$W/out" "$W/t.tar"
	[ -z "$(ls -d "$W"/*.part "$W"/.*.tmp 2>/dev/null)" ] || fail "something was left behind"
}

# A thousand files and items of all kinds of sizes, put in and taken out.
thousand() {
	python3 - "$W" <<'PY'
import sys, os, random
w, rnd = sys.argv[1], random.Random(int.from_bytes(os.urandom(4), 'big'))
os.makedirs(w + '/in')
spec, want = open(w + '/spec', 'w'), open(w + '/want', 'w')
for i in range(1000):
    item = i % 3 != 0
    n = rnd.choice([0, 1, 9, 128, 190, 191, 200, 201, 2047, 2048, 2049, 4096, 30000, rnd.randrange(3000)])
    path = rnd.choice(['/nvm/num/%d', '/nv/item_files/rfnv/%08d', '/d/e/f%d', '/p/%d.xml', '/%d']) % i
    mode = rnd.choice([0o644, 0o600, 0o777, 0o400, 0o755])
    mtime = rnd.randrange(1, 2**31)
    open(w + '/in/%d' % i, 'wb').write(rnd.randbytes(n))
    print('item' if item else 'file', '%o' % mode, mtime, path, 'file:%s/in/%d' % (w, i), file=spec)
    print(path, '%o' % mode, mtime, i, file=want)
PY
	"$MK" "$1" "$W/spec" "$W/efs2.bin"
	run 0 efs extract --image "$W/efs2.bin" -o "$W/tree"
	python3 - "$W" <<'PY' || fail "what came out is not what was put in"
import sys, os
w, n = sys.argv[1], 0
for line in open(w + '/want'):
    path, mode, mtime, i = line.split()
    p = w + '/tree' + path
    st = os.stat(p)
    assert '%o' % (st.st_mode & 0o7777) == mode, (p, oct(st.st_mode), mode)
    assert int(st.st_mtime) == int(mtime), (p, st.st_mtime, mtime)
    assert open(p, 'rb').read() == open(w + '/in/' + i, 'rb').read(), p
    n += 1
found = sum(len(f) for _, _, f in os.walk(w + '/tree'))
assert n == 1000 and found == 1001, (n, found)
PY
}

# A lost page of a large file: everything else is whole, and this one says what it is.
lost_page() {
	image "$1,lose=F:$2"
	run 9 efs check --image "$W/efs2.bin"
	says '^partial +/[a-z]'
	errs 'are partial'
	says 'every page is there: +no'
	run 9 efs extract --image "$W/efs2.bin" -o "$W/tree" --json
	json 'd["status"] == 9 and len(d["result"]["not_ok"]) == 1 and d["result"]["partial"] == 1'
	json 'd["result"]["not_ok"][0]["stored"].endswith("%.partial")'
	p=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["result"]["not_ok"][0]["path"])' "$W/out")
	[ -e "$W/tree$p%.partial" ] || fail "no partial file"
	[ ! -e "$W/tree$p" ] || fail "a partial file was given out as whole"
	run 9 efs get --image "$W/efs2.bin" "$p" -o "$W/one"
	[ ! -e "$W/one" ] || fail "a partial file was given out as whole"
	same "$W/one%.partial" "$W/tree$p%.partial"
	run 9 efs get --image "$W/efs2.bin" "$p" -o -
	[ ! -s "$W/out" ] || fail "half a file went to a pipe"
	run 9 efs ls --image "$W/efs2.bin" "$p"
	run 0 efs get --image "$W/efs2.bin" /nvm/num/550 -o "$W/550"
	[ "$(wc -c <"$W/550")" = 9 ] || fail "what is whole is given out"
}

# Each page of the directory database gone, one after the other: whatever bears a plain name is right.
lost_nodes() {
	image "$1"
	run 0 efs extract --image "$W/efs2.bin" -o "$W/good"
	for role in D I T J; do
		i=0
		while [ $i -lt 3 ] && "$MK" "$1,lose=$role:$i" "$W/spec" "$W/bad.bin" 2>"$W/mk"; do
			rm -rf "$W/tree"
			rc=0
			salvor efs extract --image "$W/bad.bin" -o "$W/tree" >"$W/out" 2>"$W/err" || rc=$?
			case $rc in 0 | 8 | 9) ;; *) cat "$W/err"; fail "$role $i: status $rc" ;; esac
			find "$W/tree" -type f ! -name '*%.*' ! -name '%manifest*' 2>/dev/null >"$W/found"
			while read -r f; do
				case $f in *%lost*) continue ;; esac
				same "$f" "$W/good${f#"$W/tree"}"
			done <"$W/found"
			i=$((i + 1))
		done
	done
}

block_map() {
	image 2048:16:40
	block=$(($(grep -bo F "$W/efs2.bin.roles" | head -1 | cut -d: -f1) / 16))
	map_bad $block 16 2048
	run 9 efs check --image "$W/efs2.bin"
	says 'block map used: +yes'
	says '^(partial|unreadable) '
	run 9 efs extract --image "$W/efs2.bin" -o "$W/tree"
	run 5 efs check --image "$W/efs2.bin" --for-geometry 2K:32K:1280K
	says 'fits: +no'
	# The map of other bytes.
	printf x | dd of="$W/efs2.bin" bs=1 seek=100 conv=notrunc 2>/dev/null
	run 5 efs ls --image "$W/efs2.bin"
	errs 'block map of other bytes'
	echo '{' >"$W/efs2.bin.map"
	run 5 efs ls --image "$W/efs2.bin"
	rm "$W/efs2.bin.map"
	run 0 efs check --image "$W/efs2.bin"
}

checking() {
	image "$1"
	run 0 efs check --image "$W/efs2.bin" --for-geometry "$2" --json
	json 'd["result"]["donor"]["fits"] and d["result"]["verdict"]["clean"]'
	json 'd["result"]["image"]["form"] == "nand" and d["result"]["entries"] == []'
	json 'sum(s["chosen"] for s in d["result"]["superblocks"]) == 1'
	json 'd["result"]["content"]["ok"] == d["result"]["content"]["files"] + d["result"]["content"]["items"] + d["result"]["content"]["links"] == 11'
	run 0 efs check --image "$W/efs2.bin" --all
	says '^ok +/nvm/num/550'
	says 'layout: +confirmed'
	run 5 efs check --image "$W/efs2.bin" --for-geometry 8K:512K:64M
	says 'fits: +no'
	says 'pages of [0-9]+ bytes in the image, of 8192'
	run 2 efs check --image "$W/efs2.bin" --for-geometry 2K:128K
	run 2 efs check --image "$W/efs2.bin" --for-geometry 2K:3K:1M
	run 3 efs check --image "$W/efs2.bin" --for-module
}

against_a_module() {
	spec
	"$MK" 2048:64:136 "$W/spec" "$W/efs2.bin"
	emu ec25
	programmer MDM9x07 A
	run 0 efs check --image "$W/efs2.bin" --for-module $L
	says 'fits: +yes'
	"$MK" 2048:64:100 "$W/spec" "$W/other.bin"
	run 5 efs check --image "$W/other.bin" --for-module $L
	errs 'does not fit'
}

whose_is_it() {
	image "$1"
	run 0 info --image "$W/efs2.bin"
	says '49015420\*+ +valid +ok +/nvm/num/550'
	says '^ *2 +35693803\*+ .*/nvm/context1/550'
	says 'EC25EFAR06A17M4G_20.200.20.200 +/data/version'
	silent 490154203237518
	silent 123456
	run 0 info --image "$W/efs2.bin" --full --json
	json '[x["imei"] for x in d["result"]["imeis"]] == ["356938035643809", "490154203237518"]'
	json 'd["result"]["rf"]["present"] and d["result"]["rf"]["rfnv_items"] == 1'
	json '"/nvm/num/85" in [x["path"] for x in d["result"]["identity"]]'
}

what_is_no_image() {
	run 1 efs ls --image "$W/none.bin"
	errs 'No such file'
	: >"$W/empty.bin"
	run 5 efs ls --image "$W/empty.bin"
	errs 'is empty'
	head -c 300000 /dev/urandom >"$W/random.bin"
	for verb in ls tree check; do
		run 5 efs $verb --image "$W/random.bin"
	done
	run 5 efs extract --image "$W/random.bin" -o "$W/tree"
	[ ! -e "$W/tree" ] || fail "an empty tree was made"
	errs 'encrypted'
	head -c 300000 /dev/zero | tr '\000' '\377' >"$W/blank.bin"
	run 5 info --image "$W/blank.bin"
	truncate -s 4G "$W/sparse.bin"
	run 5 efs ls --image "$W/sparse.bin"
	run 1 efs ls --image /dev/zero
	run 1 efs ls --image "$W"
	printf '\072\377\046\355and more' >"$W/simg.bin"
	run 5 efs ls --image "$W/simg.bin"
	errs 'simg2img'
}

t "2 KiB pages: a dump is listed as it was made" listing 2048:16:40
t "2 KiB pages with journal: a dump is listed as it was made" listing 2048:16:40,busy
t "4 KiB pages with journal: a dump is listed as it was made" listing 4096:16:40,busy
t "a factory image is listed as it was made" listing 2048:16:40,cefs=3
t "a backup partition is listed as it was made" listing 4096:16:40,backup
t "2 KiB pages: single files come out exactly, and replace nothing" getting 2048:16:40,busy
t "4 KiB pages: single files come out exactly, and replace nothing" getting 4096:16:40
t "2 KiB pages: the tree comes out with modes and times, as folder and tar" extracting 2048:16:40,busy
t "4 KiB pages: the tree comes out with modes and times, as folder and tar" extracting 4096:16:40,busy
t "2 KiB pages: a thousand files come out as they were put in" thousand 2048:64:96,busy,pending=20
t "4 KiB pages: a thousand files come out as they were put in" thousand 4096:64:60,busy
t "2 KiB pages: a lost page leaves one file partial, by name and status" lost_page 2048:16:40 3
t "4 KiB pages: a lost page leaves one file partial, by name and status" lost_page 4096:16:40 3
t "2 KiB pages: whatever is lost, no wrong file bears a plain name" lost_nodes 2048:16:40,busy
t "4 KiB pages: whatever is lost, no wrong file bears a plain name" lost_nodes 4096:16:40,busy
t "blocks that were not read are missing; a map of other bytes is refused" block_map
t "2 KiB pages: a clean dump fits its own geometry and no other" checking 2048:16:40,busy 2K:32K:1280K
t "4 KiB pages: a clean dump fits its own geometry and no other" checking 4096:16:40 4K:64K:2560K
t "a dump is judged against the module on the cable" against_a_module
t "a dump tells whose it is, and hides the number" whose_is_it 2048:16:40,busy
t "what is no readable image is refused with a reason, and leaves nothing" what_is_no_image
finish
