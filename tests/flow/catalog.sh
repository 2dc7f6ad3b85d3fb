#!/bin/sh
# The `catalog` and `audit` verbs: what is put in is found again, by whatever is known of it; nothing that
# protects a module is deleted; losing the catalogue loses nothing.
. "${top_srcdir:-.}/tests/flow/lib.sh"
SAMPLE=$top_builddir/tests/unit/snap_sample
A=001000010000015
B=001000010000023

# sample NAME CHIP IMEI [partial]: a sealed snapshot below $W/snaps, as $W/snaps/NAME.tar.*.
sample() {
	mkdir -p "$W/snaps"
	"$SAMPLE" "$W/snaps" "$@"
}
file() {
	echo "$W/snaps/$1".tar.*
}
# The catalogue in the test's own folder, by way of the environment as people have it.
own() {
	XDG_DATA_HOME=$W/data
	export XDG_DATA_HOME
	DB=$XDG_DATA_HOME/salvor/catalog.db
}
known() {
	own
	sample a1 11112222 $A
	sample b1 33334444 $B
	run 0 catalog add $(file a1) $(file b1)
}
# id NAME: the whole id of a snapshot.
id() {
	run 0 catalog list --csv
	grep "/$1\\.tar" "$W/out" | cut -d, -f1
}

no_catalogue_is_told_with_the_way_out() {
	own
	for verb in 'catalog list' 'catalog show m1' 'catalog find x' 'catalog check' 'audit verify' \
		'catalog prune --keep 1' 'catalog export' 'catalog label m1 x'; do
		run 10 $verb
		errs 'next: +salvor catalog rebuild'
		[ ! -e "$DB" ] || fail "'$verb' made a catalogue"
	done
	run 10 catalog list --catalog "$W/none.db"
	errs "next: +salvor catalog rebuild --catalog $W/none.db"
	run 10 catalog list --json
	json 'd["status"] == 10 and d["error"]["kind"] == "host"'
}

what_is_added_is_found() {
	known
	says 'a1.tar.* complete +m1 +new'
	[ "$(stat -c %a "$DB")" = 600 ] || fail "others can read the catalogue"
	run 0 catalog list
	says 'complete +m1 +EC25 +EC25EFAR06A17M4G +00100001\*\*\*\*\*\*\* +edl\+diag\+at'
	silent "$A"
	run 0 catalog list --modules --json
	json 'len(d["result"]["modules"]) == 2 and d["result"]["modules"][0]["snapshots"] == 1'
	for text in $A 00100001000001 11112222 0x11112222 m1; do
		run 0 catalog list "$text" --json
		json 'len(d["result"]["snapshots"]) == 1 and "/a1.tar" in d["result"]["snapshots"][0]["path"]'
	done
	run 2 catalog list 00100001
	errs 'fits 2 modules'
	run 0 catalog find 00100001 --json
	json 'len(d["result"]["modules"]) == 2'
	run 0 catalog find EC25 --json
	json 'len(d["result"]["modules"]) == 2'
	_id=$(id a1)
	run 0 catalog show "$(echo "$_id" | cut -c1-8)"
	says "id: +$_id"
	says 'edl/efs2.bin +raw +16.0 KiB +yes'
	says 'diag/nv/00550.bin'
	run 0 catalog add $(file a1)
	says 'm1 +known'
	run 0 catalog list --json
	json 'len(d["result"]["snapshots"]) == 2'
}

numbers_are_masked_unless_asked_for() {
	known
	run 0 catalog label m1 "van $A"
	run 0 catalog note m1 "was $A on the label"
	for verb in 'list' 'list --modules' 'list --csv' 'show m1' 'find EC25' "find $B" 'held'; do
		run 0 catalog $verb
		silent "$A|$B|11112222|33334444"
		run 0 catalog $verb --full
	done
	run 0 catalog list --modules --json
	silent "$A|11112222"
	run 0 catalog show m1 --full
	says "IMEI: +$A"
	says 'chip serial: +11112222'
	says "was $A"
	run 0 audit export
	silent "$A|11112222"
	run 0 audit export --full
	says "$A"
}

csv_is_plain() {
	known
	mv $(file b1) "$W/snaps/b, \"1\".tar.zst"
	run 0 catalog add "$W/snaps/b, \"1\".tar.zst"
	run 0 catalog list --csv --full
	python3 - "$W/out" "$W/snaps" <<'PY' || fail "the CSV is not what a reader expects"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline='')))
assert len(rows) == 2, rows
assert {r['path'] for r in rows} >= {sys.argv[2] + '/b, "1".tar.zst'}, rows
assert all(len(r['id']) == 64 and r['bytes'].isdigit() and r['missing'] == 'false' for r in rows), rows
PY
	run 2 catalog list --csv --json
}

bad_files_are_not_put_in() {
	known
	sample c1 55556666 -
	_f=$(file c1)
	head -c 900 "$_f" >"$W/snaps/short.tar.zst"
	run 8 catalog add "$W/snaps/short.tar.zst"
	echo hello >"$W/snaps/hello.tar.zst"
	run 8 catalog add "$W/snaps/hello.tar.zst"
	run 1 catalog add "$W/snaps"
	run 1 catalog add "$W/snaps/none.tar.zst"
	run 0 catalog list --json
	json 'len(d["result"]["snapshots"]) == 2'
}

check_finds_what_is_wrong() {
	known
	mkdir -p "$XDG_DATA_HOME/salvor/snapshots"
	sample stranger 77778888 -
	mv $(file stranger) "$XDG_DATA_HOME/salvor/snapshots/"
	run 0 catalog check
	says 'files checked: +2'
	says 'stranger.tar'
	says 'not in the catalogue: +1'
	rm $(file a1)
	head -c 1000 $(file b1) >"$W/cut" && mv "$W/cut" $(file b1)
	run 8 catalog check
	says 'a1.tar.* the file is missing'
	says 'b1.tar.* not what the catalogue recorded'
	run 8 catalog check --quick --json
	json 'len(d["result"]["faults"]) == 2 and d["result"]["wrong"] == 2'
	run 0 catalog list --json
	json '[s["missing"] for s in d["result"]["snapshots"] if "/a1" in s["path"]] == [True]'
}

# Six of one module: complete, partial, complete, partial, complete, complete.
shelf() {
	own
	for _n in 1 2 3 4 5 6; do
		case $_n in 2 | 4) _p=partial ;; *) _p= ;; esac
		sample s$_n 11112222 $A $_p
		run 0 catalog add $(file s$_n)
	done
	sample alone 33334444 $B
	run 0 catalog add $(file alone)
}

prune_keeps_first_and_last() {
	shelf
	run 2 catalog prune
	run 7 catalog prune --keep 1
	run 0 catalog prune --keep 1 --dry-run
	says 'delete .*s2.tar.*partial of m1'
	[ "$(ls "$W/snaps" | wc -l)" = 7 ] || fail "a dry run deleted something"
	run 0 catalog prune --days 1 --yes
	says 'nothing to delete'
	run 0 catalog prune --keep 1 --yes
	says 'files deleted: +4'
	[ "$(ls "$W/snaps" | sed 's/\..*//' | tr '\n' ' ')" = 'alone s1 s6 ' ] || fail "kept: $(ls "$W/snaps")"
	run 0 catalog check
	run 0 audit export
	says '"forget"'
	run 0 catalog prune --keep 1 --yes
	says 'nothing to delete'
}

prune_deletes_nothing_when_files_are_not_what_they_were() {
	shelf
	# The last complete one is an entry alone: the one before it is the last now.
	mv $(file s6) "$W/s6"
	# And one file was replaced by another module's.
	cp $(file s3) "$W/s3"
	cp $(file alone) $(file s3)
	run 8 catalog prune --keep 1 --yes
	errs 'next: +salvor catalog check'
	[ "$(ls "$W/snaps" | wc -l)" = 6 ] || fail "something was deleted"
	cp "$W/s3" $(file s3)
	run 0 catalog prune --keep 1 --yes
	[ "$(ls "$W/snaps" | sed 's/\..*//' | tr '\n' ' ')" = 'alone s1 s5 ' ] || fail "kept: $(ls "$W/snaps")"
	run 0 catalog list m1 --json
	json 'len(d["result"]["snapshots"]) == 3'
	run 0 catalog prune --keep 1 --missing --yes
	run 0 catalog list m1 --json
	json 'len(d["result"]["snapshots"]) == 2'
}

rebuild_after_loss() {
	known
	run 0 catalog label m1 'van 7'
	run 0 catalog note m2 'second hand'
	run 0 catalog list --csv --full
	cp "$W/out" "$W/before"
	rm -f "$DB" "$DB-wal" "$DB-shm"
	run 0 catalog rebuild "$W/snaps" --dry-run
	[ ! -e "$DB" ] || fail "a dry run made a catalogue"
	run 0 catalog rebuild "$W/snaps"
	says 'snapshots: +2'
	run 0 catalog list --csv --full
	cut -d, -f1-3,5- "$W/before" | sort >"$W/x"
	cut -d, -f1-3,5- "$W/out" | sort >"$W/y"
	same "$W/x" "$W/y"
	run 0 catalog show 'van 7' --full
	says "IMEI: +$A"
	run 0 catalog show $B
	says 'second hand'
	run 0 audit verify
	run 0 catalog check
}

rebuild_after_damage() {
	known
	run 0 catalog label m1 'van 7'
	rm -f "$DB-wal" "$DB-shm"
	dd if=/dev/urandom of="$DB" bs=4096 seek=1 count=6 conv=notrunc 2>/dev/null
	run 10 catalog list
	errs 'next: +salvor catalog rebuild'
	run 7 catalog rebuild "$W/snaps"
	[ "$(ls "$XDG_DATA_HOME/salvor" | grep -c damaged)" = 0 ] || fail "moved without consent"
	echo junk >"$W/snaps/junk.tar.gz"
	run 9 catalog rebuild "$W/snaps" --yes
	errs 'passed over: .*junk.tar.gz'
	says 'damaged one: .*catalog.db.damaged-'
	run 0 catalog list 'van 7' --json
	json 'len(d["result"]["snapshots"]) == 1'
	# Where they are is known now.
	run 0 catalog rebuild --yes --json
	json 'd["result"]["snapshots"] == 2'
}

export_and_import() {
	known
	run 0 catalog label m1 'van 7'
	run 0 catalog export -o "$W/all.jsonl"
	[ "$(stat -c %a "$W/all.jsonl")" = 600 ] || fail "others can read the export"
	run 10 catalog export -o "$W/all.jsonl"
	errs 'exists'
	run 0 catalog export
	# Their first lines tell the time.
	tail -n +2 "$W/out" >"$W/out.rest"
	tail -n +2 "$W/all.jsonl" >"$W/all.rest"
	same "$W/out.rest" "$W/all.rest"
	run 0 catalog import "$W/all.jsonl" --catalog "$W/other.db"
	says 'new modules: +2'
	says 'new snapshots: +2'
	run 0 catalog show 'van 7' --full --catalog "$W/other.db"
	says "$A \\(imported"
	head -n 3 "$W/all.jsonl" >"$W/cut.jsonl"
	run 8 catalog import "$W/cut.jsonl" --catalog "$W/third.db"
	run 0 catalog list --modules --json --catalog "$W/third.db"
	json 'd["result"]["modules"] == []'
}

retiring_needs_a_reason_and_a_word() {
	known
	run 2 catalog retire m1
	run 7 catalog retire m1 --reason scrapped --yes
	errs 'accept-loss retire-m1'
	run 7 catalog retire m1 --reason scrapped --yes --accept-loss retire-m2
	run 0 catalog retire m1 --reason scrapped --dry-run
	run 0 catalog list --modules --json
	json '[m["state"] for m in d["result"]["modules"]] == ["in service"] * 2'
	run 0 catalog retire m1 --reason scrapped --yes --accept-loss retire-m1
	run 0 catalog show m1
	says 'because: +scrapped'
	run 0 audit export
	says '"retire"'
	says 'scrapped'
}

contradictions_are_held() {
	known
	# Another chip, the first one's number.
	sample c1 55556666 $A
	run 0 catalog add $(file c1)
	run 0 catalog held --json
	json 'len(d["result"]["held"]) == 1 and d["result"]["held"][0]["code"] == "other-chip"'
	silent "$A"
	run 0 catalog check
	says 'held for you: +1'
	run 2 catalog settle 1
	run 0 catalog settle 1 --reason 'label was misread'
	run 0 catalog held
	says 'nothing waits'
	run 2 catalog settle 1 --reason again
	run 0 audit export
	says 'label was misread'
}

an_edited_log_is_found() {
	known
	run 0 catalog label m1 'van 7'
	run 0 catalog label m2 'van 8'
	run 0 audit verify
	says 'records: +2'
	run 0 audit export --full -o "$W/log.jsonl"
	same "$W/log.jsonl" "$DB.audit.jsonl"
	sed -i 's/van 7/van 9/' "$DB.audit.jsonl"
	run 8 audit verify
	run 8 audit verify --json
	json 'd["result"]["sound"] == False and d["result"]["bad"] == 1'
	run 8 catalog check
}

a_locked_catalogue_is_waited_for() {
	known
	python3 - "$DB" "$W/locked" <<'PY' &
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close()
time.sleep(3)
db.execute("ROLLBACK")
PY
	_i=0
	until [ -e "$W/locked" ]; do
		_i=$((_i + 1))
		[ $_i -gt 100 ] && fail "no lock"
		sleep 0.05
	done
	run 0 catalog list
	run 10 catalog label m1 x --timeout 1
	errs 'wait longer with --timeout'
	run 0 catalog label m1 'van 7'
	errs 'waiting'
	wait
}

the_attached_module_finds_its_own() {
	own
	sample ours 1a2b3c4d 490154203237518
	sample other 11112222 $A
	run 0 catalog add $(file ours) $(file other)
	emu ec25 "$@"
	run 0 catalog list --for-this --json
	json 'len(d["result"]["snapshots"]) == 1 and "/ours.tar" in d["result"]["snapshots"][0]["path"]'
	run 0 catalog list --for-this --modules --json
	json 'len(d["result"]["modules"]) == 1'
	run 2 catalog list --for-this m1
	run 2 catalog list --port 1-1
}

an_unknown_module_has_an_empty_list() {
	known
	emu ec25 "$@"
	run 0 catalog list --for-this
	says 'does not know this module'
	run 0 list --json
	_before=$(cat "$W/out")
	run 0 catalog list --for-this --json
	json 'd["result"]["snapshots"] == []'
	run 0 list --json
	[ "$_before" = "$(cat "$W/out")" ] || fail "the module's state changed"
}

nothing_attached_is_told() {
	known
	mkdir -p "$W/root"
	run 3 catalog list --for-this
}

# What `backup` makes is in the catalogue, and the module finds it in either mode.
a_backup_is_remembered() {
	own
	emu ec25
	programmer MDM9x07 A
	run 0 backup --full $L
	run 0 catalog list --for-this --json
	json 'len(d["result"]["snapshots"]) == 1 and d["result"]["snapshots"][0]["verdict"] == "complete"'
	_f=$(find "$W/data" -name '*.tar.*')
	# A catalogue that cannot be written spoils no backup.
	rm -f "$DB"*
	mkdir "$DB"
	run 0 backup --name second
	errs 'not in the catalogue: .*catalog add .*second'
	rmdir "$DB"
	run 0 catalog rebuild
	says 'snapshots: +2'
	run 0 edl enter
	run 0 catalog list --for-this --json
	json 'len(d["result"]["snapshots"]) == 2'
	run 0 catalog check
	[ -s "$_f" ] || fail "the snapshot is gone"
}

t "a backup is remembered, and a broken catalogue spoils none" a_backup_is_remembered
t "no catalogue is told, with the way out, and none is made by looking" no_catalogue_is_told_with_the_way_out
t "what is added is found by whatever is known of it" what_is_added_is_found
t "numbers are masked unless they are asked for" numbers_are_masked_unless_asked_for
t "CSV is read by a CSV reader" csv_is_plain
t "bad files are not put in" bad_files_are_not_put_in
t "check finds missing, damaged and unknown files" check_finds_what_is_wrong
t "prune keeps a module's first and last complete snapshot" prune_keeps_first_and_last
t "prune deletes nothing while files are not what they were" \
	prune_deletes_nothing_when_files_are_not_what_they_were
t "a lost catalogue is rebuilt with what people said" rebuild_after_loss
t "a damaged catalogue is moved aside and rebuilt" rebuild_after_damage
t "an export goes into another catalogue whole or not at all" export_and_import
t "retiring needs a reason and a typed word" retiring_needs_a_reason_and_a_word
t "contradictions are held for a person" contradictions_are_held
t "an edited audit log is found" an_edited_log_is_found
t "a locked catalogue is waited for, with a word" a_locked_catalogue_is_waited_for
t "the attached module in EDL finds its own snapshots" the_attached_module_finds_its_own --edl
t "the attached module in normal mode finds them by its IMEI" the_attached_module_finds_its_own
t "an unknown module has an empty list and stays as it was" an_unknown_module_has_an_empty_list --edl
t "no attached module is told" nothing_attached_is_told
finish
