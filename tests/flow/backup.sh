#!/bin/sh
# backup, verify and restore --list: the file holds what the module holds, opens without salvor, says truthfully
# whether it is complete, and nothing that was broken off ever looks whole.
. "${top_srcdir:-.}/tests/flow/lib.sh"

start() {
	emu "$@"
	programmer MDM9x07 A
	XDG_DATA_HOME=$W/data
	export XDG_DATA_HOME
}

normal_again() {
	salvor list --json >"$W/out"
	json 'd["result"]["modules"][0]["state"] == "normal"'
}

# no_leftovers FOLDER: neither a snapshot nor anything temporary.
no_snapshot() {
	[ -z "$(find "$1" -name '*.tar.*')" ] || fail "a snapshot: $(find "$1" -name '*.tar.*')"
}

# opens FILE NAME: tar and sha256sum are all that it takes.
opens() {
	mkdir "$W/opened"
	case $1 in
	*.zst) zstd -dqc "$1" | tar -xf - -C "$W/opened" ;;
	*) tar -xzf "$1" -C "$W/opened" ;;
	esac
	(cd "$W/opened/$2" && sha256sum --quiet -c SHA256SUMS) || fail "sha256sum does not verify it"
}

# sealed FOLDER: the one snapshot there, as $S.
sealed() {
	S=$(find "$1" -name '*.tar.*')
	[ "$(echo "$S" | wc -l)" = 1 ] && [ -n "$S" ] || fail "not one snapshot in $1: $S"
}

in_edl() {
	emu "$1"
	programmer "$2" "$3"
	XDG_DATA_HOME=$W/data
	export XDG_DATA_HOME
	run 0 edl enter
	run 0 backup $L --json
	json 'd["result"]["verdict"] == "complete" and d["result"]["as_asked"]'
	json "d['result']['module']['chip_serial'] == '$4'"
	json 'd["result"]["via"] == "EDL"'
	sealed "$W/data/salvor/snapshots"
	case $S in *"$4"*) ;; *) fail "the name lacks the chip serial: $S" ;; esac
	[ "$(stat -c %a "$S")" = 600 ] || fail "mode of the file"
	[ -z "$(find "$W/data" -name '*.part')" ] || fail "a .part is left"
	run 0 verify "$S"
	says 'sound: +yes'
	opens "$S" "$(basename "$S" | sed 's/\.tar\..*//')"
	run 0 part read efs2 -o "$W/efs2.bin" --stay
	same "$W/efs2.bin" "$W"/opened/*/edl/efs2.bin
	same "$W/efs2.bin.map" "$W"/opened/*/edl/efs2.bin.map
	run 0 restore --list "$S" --json
	json '{"edl/efs2.bin", "edl/efs2.bin.map"} <= {i["name"] for i in d["result"]["contents"]}'
	run 0 verify "$S" --against-module
	says 'different on the module: +0'
	emu_stop
	counter erase_cmds 0
	counter program_cmds 0
}

in_normal_mode() {
	start ec25
	run 0 backup --name mine
	says 'verdict: +complete'
	says 'read over: +AT DIAG$'
	says 'IMEI: +49015420\*'
	silent 490154203237518
	S=$(ls "$W"/data/salvor/snapshots/mine.tar.*)
	run 0 verify "$S"
	opens "$S" mine
	[ "$(wc -c <"$W/opened/mine/diag/nv/00550.bin")" -ge 9 ] || fail "no NV 550"
	[ -s "$W/opened/mine/diag/efs/nvm/num/550" ] || fail "no item file of NV 550"
	grep -q NV_ITEM_ARRAY "$W/opened/mine/diag/module.xqcn" || fail "no QPST file"
	run 0 efs get /policyman/device_config.xml -o "$W/x.xml"
	same "$W/x.xml" "$W/opened/mine/diag/efs/policyman/device_config.xml"
	! grep -q 490154203237518 "$W/opened/mine/at/info.txt" || fail "the whole IMEI stands in at/info.txt"
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 0 ] || fail "EDL was entered"
}

full_goes_there_and_back() {
	start ec25
	run 2 backup --full
	errs -- '--loader'
	run 0 backup --full $L -o "$W/out.d/" --name full --json
	json 'd["result"]["verdict"] == "complete" and d["result"]["came_back_the_same"]'
	json 'd["result"]["via"] == "AT DIAG EDL" and d["result"]["module"]["chip_serial"] == "1a2b3c4d"'
	json 'd["result"]["module"]["revision"].startswith("EG25GGBR07A08M2G")'
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 1 ] || fail "not one EDL entry"
	normal_again
	sealed "$W/out.d"
	run 0 verify "$S"
	emu_stop
	counter erase_cmds 0
	counter program_cmds 0
}

a_module_that_stays_away_keeps_its_backup() {
	start ec25 --misbehave stay_edl
	run 12 backup --full $L -o "$W/x.tar.zst" --timeout 3
	errs 'does not start its firmware; the backup was sealed'
	says 'came back the same: +no'
	says 'verdict: +complete'
	run 0 verify "$W/x.tar.zst"
}

named_parts_are_partial() {
	start ec25
	run 2 backup --part efs2 --only diag $L
	run 2 backup --part efs2 --full $L
	run 2 backup --part nonsense $L
	errs 'nonsense'
	no_snapshot "$W"
	normal_again
	run 9 backup --part rawdata --part 0/0+64 --part 0/3+10 $L -o "$W/p.tar.zst"
	says 'verdict: +unusable'
	says 'as asked for: +yes'
	run 9 verify "$W/p.tar.zst"
	errs 'sound, but'
	run 0 restore --list "$W/p.tar.zst"
	says '^edl/rawdata.bin +raw'
	says '^edl/0-0\+64.bin +raw'
	says '^edl/0-0\+64.bin.map +block-map'
	says '^edl/0-3\+10.bin +raw'
	silent '^edl/0-3\+10.bin.map'
	normal_again
}

to_stdout() {
	start ec25
	run 0 backup --only diag -o - --name piped
	cp "$W/out" "$W/p.tar.zst"
	errs 'verdict: +complete'
	run 0 verify "$W/p.tar.zst"
	opens "$W/p.tar.zst" piped
	no_snapshot "$W/data"
	"$SALVOR_BIN" verify - <"$W/p.tar.zst" >"$W/out" 2>"$W/err" || fail "verify of a pipe"
}

existing_files_stay() {
	start ec25
	echo precious >"$W/x.tar.zst"
	run 1 backup -o "$W/x.tar.zst"
	errs 'exists and is not overwritten'
	[ "$(cat "$W/x.tar.zst")" = precious ] || fail "it was overwritten"
	mkdir -p "$W/d/x.part"
	run 1 backup -o "$W/d/x.tar.zst"
	errs -- '--resume --name x'
	run 2 backup -o "$W/x.tar.xz.tar.gz"
	errs 'another format'
	run 2 backup -o "$W/d/" --name a/b
	run 1 backup -o /proc/nowhere/
}

# cut_short SIGNAL STATUS [OPTIONS...]: a backup gets SIGNAL when its first partition is there.
cut_short() {
	_signal=$1 _want=$2
	shift 2
	# A shell starts what is in the background deaf to SIGINT, and salvor would obey that.
	env --default-signal=INT "$SALVOR_BIN" --root "$W/root" backup $L -o "$W/d/" --name cut "$@" \
		>"$W/out" 2>"$W/err" </dev/null &
	_pid=$!
	_i=0
	until [ -e "$W/d/cut.part/items/edl/efs2.bin.map" ]; do
		_i=$((_i + 1))
		[ $_i -gt 200 ] && fail "the first partition is never read: $(cat "$W/err")"
		sleep 0.05
	done
	kill -"$_signal" $_pid
	_got=0
	wait $_pid || _got=$?
	[ "$_got" = "$_want" ] || { cat "$W/err"; fail "exit status $_got, not $_want"; }
	[ -d "$W/d/cut.part" ] || fail "no .part"
	no_snapshot "$W/d"
}

interrupted_by() {
	start ec25 --misbehave slow_read=8
	run 0 edl enter
	cut_short "$1" "$2"
}

a_full_one_interrupted_and_resumed() {
	start ec25 --misbehave slow_read=8
	cut_short INT 130 --full
	_i=0
	until salvor list | grep -q normal; do
		_i=$((_i + 1))
		[ $_i -gt 100 ] && fail "the module was left in EDL"
		sleep 0.05
	done
	run 0 backup --full $L -o "$W/d/" --resume -vv
	errs 'edl/efs2.bin is there already'
	says 'came back the same: +yes'
	sealed "$W/d"
	run 0 verify "$S"
}

interrupted_and_resumed() {
	interrupted_by "$1" "$2"
	run 0 backup $L -o "$W/d/" --resume -vv
	errs 'edl/efs2.bin is there already'
	says 'verdict: +complete'
	[ ! -e "$W/d/cut.part" ] || fail "the .part is left"
	sealed "$W/d"
	run 0 verify "$S"
	run 2 backup $L -o "$W/d/" --resume
	errs 'no interrupted backup'
}

resumed_with_another_module() {
	interrupted_by INT 130
	emu_stop
	rm -rf "$W/root" "$W/module"
	emu ec25 --misbehave set=sahara.chip_serial:0x77777777 --misbehave start=edl
	run 5 backup $L -o "$W/d/" --resume
	errs 'not the one'
	[ -d "$W/d/cut.part" ] || fail "the .part is gone"
	no_snapshot "$W/d"
}

resumed_with_a_nameless_other() {
	interrupted_by INT 130
	emu_stop
	rm -rf "$W/root" "$W/module"
	# A programmer that runs already hides the serial of this chip: the file system tells them apart.
	emu ec25 --misbehave set=firmware.imei:004999010640000 --misbehave start=programmer
	run 5 backup -o "$W/d/" --resume
	errs 'nothing shows that this is the module'
	no_snapshot "$W/d"
}

unplugged() {
	start ec25 --misbehave unplug_in=38000000
	run 12 backup --only edl $L -o "$W/d/" --name gone --timeout 3
	[ -d "$W/d/gone.part" ] || fail "no .part"
	no_snapshot "$W/d"
	errs -- '--resume'
}

disk_full() {
	start ec25
	run 0 backup -o "$W/d/" --name first
	cp "$W"/d/first.tar.* "$W/kept"
	_got=0
	(ulimit -f 4096; trap '' XFSZ; exec "$SALVOR_BIN" --root "$W/root" backup --only edl $L -o "$W/d/" \
		--name second >"$W/out" 2>"$W/err" </dev/null) || _got=$?
	[ $_got = 1 ] || { cat "$W/err"; fail "exit status $_got"; }
	errs 'File too large'
	same "$W"/d/first.tar.* "$W/kept"
	[ "$(ls "$W/d" | grep -c '\.tar')" = 1 ] || fail "something looks like a snapshot: $(ls -a "$W/d")"
	normal_again
	run 2 backup --only edl $L -o "$W/d/" --resume --name second
	run 0 backup --only edl $L -o "$W/d/" --name second
	run 0 verify "$W"/d/second.tar.*
}

corruption_is_found() {
	start ec25
	run 0 backup -o "$W/x.tar.zst" --only diag
	_size=$(wc -c <"$W/x.tar.zst")
	for _at in 10 $((_size / 2)) $((_size - 9)); do
		cp "$W/x.tar.zst" "$W/y"
		printf '\251\251' | dd of="$W/y" bs=1 seek="$_at" conv=notrunc 2>/dev/null
		run 8 verify "$W/y"
	done
	head -c $((_size - 100)) "$W/x.tar.zst" >"$W/y"
	run 8 verify "$W/y"
	: >"$W/y"
	run 8 verify "$W/y"
	run 1 verify "$W/none"
	# A file exchanged inside, with a good archive around it.
	opens "$W/x.tar.zst" x
	printf 'other' >"$W/opened/x/diag/nv/00550.bin"
	(cd "$W/opened" && tar -cf "$W/y" x/manifest.json x/SHA256SUMS $(cd "$W/opened" &&
		zstd -dqc "$W/x.tar.zst" | tar -tf - | sed 1,2d))
	run 8 verify "$W/y"
	errs 'not sound|size|00550'
}

unstable_reads_are_no_backup() {
	start ec25 --misbehave flicker=1300
	run 9 backup --only edl $L -o "$W/x.tar.zst"
	says 'two reads differ'
	says 'verdict: +unusable'
	run 9 verify "$W/x.tar.zst"
	normal_again
}

a_bad_block_is_told() {
	start ec25 --misbehave bad=30
	run 9 backup --only edl $L -o "$W/x.tar.zst"
	says 'edl/efs2.bin is not whole'
	run 9 verify "$W/x.tar.zst"
}

only_what_it_can() {
	start ec25
	run 0 edl enter
	run 5 backup --only diag
	errs 'runs its firmware'
	run 5 backup --full $L
	run 2 restore "$W/x"
	errs -- '--list'
}

a_changed_item_differs() {
	start ec25
	run 0 backup -o "$W/x.tar.zst"
	run 0 verify "$W/x.tar.zst" --against-module
	printf 'new' >"$W/new"
	run 0 efs put "$W/new" /policyman/rat_mask --yes
	run 8 verify "$W/x.tar.zst" --against-module
	says 'policyman/rat_mask +differs'
	emu_stop
	rm -rf "$W/root" "$W/module"
	emu ec25 --misbehave set=firmware.imei:004999010640000 --misbehave set=firmware.serial:MPA19G3E4000002
	run 8 verify "$W/x.tar.zst" --against-module
	errs 'another one'
}

a_silent_diag_is_no_backup() {
	start ec25 --misbehave dead_after=3
	run 12 backup -o "$W/d/"
	no_snapshot "$W/d"
}

t "a module in EDL: an EC25 gives a complete snapshot" in_edl ec25 MDM9x07 A 1a2b3c4d
t "a module in EDL: an RM520N too" in_edl rm520n SDX62 B "$(sed -n 's/^chip_serial = 0x//p' "$MODELS/rm520n.model")"
t "a running module is backed up without leaving its mode" in_normal_mode
t "--full goes through EDL and proves that the same module came back" full_goes_there_and_back
t "a module that does not come back costs the proof, not the backup" a_module_that_stays_away_keeps_its_backup
t "named parts make a partial backup, as asked for" named_parts_are_partial
t "a snapshot goes to standard output, and is verified from a pipe" to_stdout
t "existing files are never overwritten" existing_files_stay
t "SIGINT leaves a .part, and --resume ends it without reading twice" interrupted_and_resumed INT 130
t "SIGHUP leaves one too" interrupted_by HUP 130
t "--full interrupted in EDL leaves a module that starts, and goes on" a_full_one_interrupted_and_resumed
t "another module does not go on with it" resumed_with_another_module
t "nor does one that hides its serial and has another file system" resumed_with_a_nameless_other
t "an unplugged module leaves a .part" unplugged
t "a full disk is an error, and earlier snapshots stay" disk_full
t "every corruption of a snapshot is found" corruption_is_found
t "two reads of efs2 that differ are no backup" unstable_reads_are_no_backup
t "a block that cannot be read makes it partial" a_bad_block_is_told
t "what the module's mode does not allow is told before anything is done" only_what_it_can
t "the module is compared, and another one is recognised" a_changed_item_differs
t "a DIAG port that falls silent makes no snapshot" a_silent_diag_is_no_backup
finish
