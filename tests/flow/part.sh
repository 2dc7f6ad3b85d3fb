#!/bin/sh
# The `part` verbs against the emulated module: what comes out is what is there; what goes in is proven,
# kept, written and read back; and every way in which it can go wrong ends where it should.
. "${top_srcdir:-.}/tests/flow/lib.sh"

start() {
	emu "$@"
	programmer MDM9x07 A
}

list_shows_the_table() {
	start ec25
	run 0 part list $L
	says 'EFS2 +0 +1280 +8704'
	run 0 part list $L --json
	json 'd["status"] == 0 and d["result"]["storage"]["type"] == "nand"'
	json '[p for p in d["result"]["partitions"] if p["name"] == "EFS2"][0]["sectors"] == 8704'
	run 0 list --json
	json 'd["result"]["modules"][0]["state"] == "normal"'
}

# FILE PAGE PAGES_PER_BLOCK: pages of 0xFF that stand before data in their block. A table page of the
# file system may look like that; behind the last data of a block none may be programmed.
pages_of_ff_before_data() {
	python3 - "$@" <<-'PY'
	import sys
	d, page, ppb = open(sys.argv[1], "rb").read(), int(sys.argv[2]), int(sys.argv[3])
	blank, n = (b"\xff" * page, b"\xee" * page), 0
	for block in range(0, len(d), page * ppb):
	    pages = [d[i:i + page] for i in range(block, block + page * ppb, page)]
	    while pages and pages[-1] in blank:
	        pages.pop()
	    n += pages.count(blank[0])
	print(n)
	PY
}

read_and_write_back_are_equal() {
	emu "$1"
	programmer "$2" "$3"
	run 0 part read efs2 -o "$W/a.bin" $L --stay
	[ "$(wc -c <"$W/a.bin")" = "$4" ] || fail "size of the dump"
	[ -s "$W/a.bin.map" ] || fail "no block map"
	run 0 part erase 0:EFS2 --yes --stay
	run 0 part read efs2 -o "$W/erased.bin" --stay
	[ "$(tr -d "$5" <"$W/erased.bin" | wc -c)" = 0 ] || fail "efs2 is not erased"
	run 0 part write EFS2 "$W/a.bin" --yes --stay
	says 'read back and equal: +yes'
	run 0 part read efs2 -o "$W/b.bin" --stay
	same "$W/a.bin" "$W/b.bin"
	run 0 part verify efs2 "$W/a.bin" --stay
	[ "$(ls "$W/state/salvor/saved/"*.bin | wc -l)" = 2 ] || fail "what was overwritten was not kept"
	run 0 edl exit
	emu_stop
	counter pages_programmed_all_ff "$(pages_of_ff_before_data "$W/a.bin" "$6" "$7")"
	counter whole_chip_erases 0
}

several_in_one_session() {
	start ec25
	run 0 part read efs2 sys_rev RAWDATA 0/0+64 -o "$W/dumps/" $L
	for f in efs2 sys_rev rawdata 0-0+64; do
		[ -s "$W/dumps/$f.bin" ] || fail "no $f.bin"
	done
	[ "$(wc -c <"$W/dumps/0-0+64.bin")" = 131072 ] || fail "raw extent"
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 1 ] || fail "more than one EDL entry"
	run 1 part read efs2 -o "$W/dumps/" $L
	errs 'exists and is not overwritten'
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 1 ] || fail "EDL was entered for nothing"
}

to_stdout() {
	start ec25
	run 0 part read misc -o "$W/misc.bin" $L --stay
	run 0 part read misc -o - --stay
	same "$W/out" "$W/misc.bin"
	run 2 part read misc efs2 -o - --stay
}

bad_input_sends_no_erase() {
	start ec25
	run 0 part read efs2 -o "$W/a.bin" $L --stay
	: >"$W/empty.bin"
	run 5 part write efs2 "$W/empty.bin" --yes --stay
	run 5 part write efs2 "$W/missing.bin" --yes --stay
	errs 'No such file'
	mkdir "$W/dir.bin"
	run 5 part write efs2 "$W/dir.bin" --yes --stay
	cp "$W/a.bin" "$W/long.bin"
	printf x >>"$W/long.bin"
	run 5 part write efs2 "$W/long.bin" --yes --stay
	errs 'has room for'
	head -c 131072 "$W/a.bin" >"$W/short.bin"
	run 5 part write efs2 "$W/short.bin" --yes --stay
	errs 'whole or not at all'
	head -c 17825792 /dev/zero | tr '\000' '\377' >"$W/blank.bin"
	run 5 part write efs2 "$W/blank.bin" --yes --stay
	errs 'nothing to restore'
	run 7 part write sec "$W/short.bin" --yes --stay
	errs 'fuses'
	run 2 part write ef2 "$W/a.bin" --yes --stay
	errs "did you mean 'EFS2'"
	run 5 part write 0/1+64 "$W/short.bin" --yes --stay
	errs 'whole erase blocks'
	run 5 part write mibib "$W/short.bin" --yes --stay
	errs 'no partition table'
	printf '\072\377\046\355and more' >"$W/sparse.bin"
	run 5 part write misc "$W/sparse.bin" --yes --stay
	errs 'simg2img'
	# A dump whose map belongs to other bytes, and one whose filler stands in front of data.
	cp "$W/a.bin" "$W/c.bin"
	cp "$W/a.bin.map" "$W/c.bin.map"
	printf x | dd of="$W/c.bin" bs=1 seek=100 conv=notrunc 2>/dev/null
	run 5 part write efs2 "$W/c.bin" --yes --stay
	errs 'block map of other bytes'
	{ head -c 2048 "$W/a.bin"; head -c 2048 /dev/zero | tr '\000' '\356'; tail -c +4097 "$W/a.bin"; } \
		>"$W/filler.bin"
	run 5 part write efs2 "$W/filler.bin" --yes --stay
	errs 'not restorable'
	emu_stop
	counter erase_cmds 0
	counter program_cmds 0
}

no_consent_changes_nothing() {
	start ec25
	run 0 part read efs2 -o "$W/a.bin" $L --stay
	run 7 part write efs2 "$W/a.bin" --stay
	run 0 part write efs2 "$W/a.bin" --dry-run --stay
	says 'erase +EFS2'
	run 7 part write efs2 "$W/a.bin" --yes --no-save 'testing what happens' --stay
	errs 'lose-EFS2'
	run 2 part write efs2 "$W/a.bin" --yes --no-save x --stay
	emu_stop
	counter erase_cmds 0
}

no_save_needs_the_word() {
	start ec25
	run 0 part read efs2 -o "$W/a.bin" $L --stay
	run 0 part write efs2 "$W/a.bin" --no-save 'a copy was just made' --yes --accept-loss lose-EFS2 --stay
	[ ! -e "$W/state/salvor/saved" ] || fail "something was saved"
}

a_liar_is_found() {
	start ec25 --misbehave "lie=$1"
	run 0 part read efs2 -o "$W/a.bin" $L --stay
	# The same bytes would read back even if nothing was written: change one.
	cp "$W/a.bin" "$W/other.bin"
	printf Z | dd of="$W/other.bin" bs=1 seek=300 conv=notrunc 2>/dev/null
	run "$2" part write efs2 "$W/other.bin" --yes
	errs "part write EFS2 .*saved"
}

unstable_reads_keep_no_dump() {
	start ec25 --misbehave flicker=1300
	run 8 part read efs2 -o "$W/a.bin" $L
	errs 'two reads'
	[ ! -e "$W/a.bin" ] && [ ! -e "$W/a.bin.map" ] || fail "a dump was kept"
	run 0 list --json
	json 'd["result"]["modules"][0]["state"] == "normal"'
}

bad_blocks_are_told() {
	start ec25 --misbehave bad=30
	run 9 part read efs2 -o "$W/a.bin" $L --stay
	errs 'cannot be restored'
	[ "$(wc -c <"$W/a.bin")" = 17825792 ] || fail "the dump is not as long as the partition"
	grep -q '"bad"' "$W/a.bin.map" || fail "the map does not tell"
	run 5 part write efs2 "$W/a.bin" --yes --stay
}

a_refused_command_is_a_failure() {
	start ec25 --misbehave "nak=$1"
	cp "$MODELS/ec25.model" "$W/any.bin"
	run "$2" part "$3" misc "$W/any.bin" $5 $L
	errs "$4"
}

unplugged_in_mid_write() {
	start ec25 --misbehave unplug_at=program
	head -c 200000 /dev/urandom >"$W/x.bin"
	run 6 part write misc "$W/x.bin" --yes $L --stay
	errs 'part write misc .*saved'
}

in_edl() {
	run 0 list --json
	json 'd["result"]["modules"][0]["state"] == "edl"'
}

comes_back() {
	_i=0
	until salvor list | grep -q normal; do
		_i=$((_i + 1))
		[ $_i -gt 100 ] && fail "the module did not come back"
		sleep 0.05
	done
}

# stopped_at TEXT SIGNAL STATUS ARGS...: sends the signal when log has the text.
stopped_at() {
	_text=$1 _sig=$2 _want=$3
	shift 3
	"$SALVOR_BIN" --root "$W/root" -vvv --log "$W/log" "$@" >"$W/out" 2>"$W/err" </dev/null &
	_pid=$!
	_i=0
	until grep -Eqs "$_text" "$W/log"; do
		_i=$((_i + 1))
		[ $_i -gt 200 ] && fail "never came to: $_text"
		sleep 0.02
	done
	kill "-$_sig" $_pid
	_got=0
	wait $_pid || _got=$?
	[ "$_got" = "$_want" ] || { cat "$W/err"; fail "exit status $_got, expected $_want"; }
}

what_was_erased_before_a_failure_is_not_called_untouched() {
	start ec25 --misbehave flicker=1300
	run 6 part erase misc efs2 --yes $L
	errs 'two reads'
	silent 'nothing was changed'
	errs 'stays in EDL'
	in_edl
}

dry_run_shows_every_partition() {
	start ec25
	run 0 part erase misc sys_rev --dry-run $L --stay
	says 'erase +misc'
	says 'erase +sys_rev'
}

written_but_not_back_is_not_called_untouched() {
	start ec25 --misbehave stay_edl
	head -c 5000 /dev/urandom >"$W/x.bin"
	run 8 part write misc "$W/x.bin" --yes $L
	errs 'all was written and reads back equal: the module could not be brought back: .*does not start'
	silent 'nothing was'
}

a_dropped_terminal_does_not_end_a_write() {
	start ec25 --misbehave slow_erase=600
	head -c 5000 /dev/urandom >"$W/x.bin"
	stopped_at 'host: .*<erase' HUP 0 part write misc "$W/x.bin" --yes $L
	says 'read back and equal: +yes'
}

a_write_that_is_stopped_says_in_what_state_the_module_is() {
	start ec25 --misbehave slow_erase=600
	head -c 5000 /dev/urandom >"$W/x.bin"
	stopped_at 'host: .*<erase' TERM 130 part write misc "$W/x.bin" --yes $L
	errs 'may not start by itself'
	errs 'stays in EDL'
	errs "part write misc .*saved"
	in_edl
}

a_write_stopped_before_the_first_change_says_so() {
	start ec25
	run 0 part read efs2 -o "$W/a.bin" --once $L
	emu_stop
	emu ec25 --misbehave slow_read=100
	stopped_at 'start_sector="1344"' TERM 130 part write efs2 "$W/a.bin" --yes $L
	errs 'nothing was changed'
	silent 'could not be brought back'
	comes_back
	emu_stop
	counter erase_cmds 0
}

a_read_that_is_stopped_brings_the_module_back() {
	start ec25 --misbehave slow_read=50
	stopped_at 'start_sector="1344"' TERM 130 part read efs2 -o "$W/a.bin" $L
	silent 'could not be brought back'
	[ ! -e "$W/a.bin" ] || fail "half a dump was kept"
	comes_back
}

a_programmer_that_takes_no_configure_is_led_out() {
	start ec25 --misbehave nak=configure
	run 12 part list $L
	silent 'could not be brought back'
	comes_back
}

a_reset_that_is_refused_is_told() {
	start ec25 --misbehave nak=power
	run 12 part list $L
	errs 'the module could not be brought back: .*said no'
}

# LUN 0 without a table, as on a storage that was wiped in part.
an_empty_lun_hides_no_table() {
	emu emmc --edl
	programmer SDX55 B
	head -c 17408 /dev/zero >"$W/z.bin"
	run 0 part write 0/0+34 "$W/z.bin" --yes $L --stay
	run 0 part write 0/15269854+34 "$W/z.bin" --yes --stay
	run 0 part list --json --stay
	json '[p["name"] for p in d["result"]["partitions"]] == ["bootinfo"] and d["error"] is None'
	run 0 part read --all -o "$W/all" --stay
	[ -s "$W/all/bootinfo.bin" ] || fail "no bootinfo.bin"
}

outputs_are_checked_under_the_names_they_get() {
	start ec25
	run 2 part read misc -o '' $L
	mkdir "$W/d"
	: >"$W/d/0-misc.bin"
	run 1 part read 0/misc -o "$W/d" $L
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 0 ] || fail "EDL was entered"
	run 0 part read misc 0/misc -o "$W/e" $L
	same "$W/e/misc.bin" "$W/e/0-misc.bin"
}

verify_of_what_cannot_fit_is_no_broken_storage() {
	start ec25
	head -c 20000000 /dev/zero >"$W/x.bin"
	run 5 part verify misc "$W/x.bin" $L --stay
	errs 'has room for'
}

a_cable_that_fails_in_a_comparison_is_no_difference() {
	start ec25 --misbehave unplug_at=read,after=220
	run 0 part read efs2 -o "$W/a.bin" --once $L --stay
	run 12 part verify efs2 "$W/a.bin" --stay
}

no_programmer_is_told_before_the_module_is_touched() {
	start ec25
	run 2 part list
	errs -- '--loader'
	run 5 part list --loader "$W/fw/update/NPRG9x07.mbn"
	errs 'does not speak Firehose'
	run 5 part list --loader "$MODELS"
	errs 'no Firehose programmer'
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 0 ] || fail "EDL was entered"
}

managed_storage() {
	start emmc
	programmer "$1" B
	run 0 part list $L --stay
	says 'modemst1'
	run 0 part read modemst1 -o "$W/a.bin" --stay
	[ ! -e "$W/a.bin.map" ] || fail "a block map on eMMC"
	head -c 5000 /dev/urandom >"$W/x.bin"
	run 0 part write fsg "$W/x.bin" --yes --stay
	run 0 part verify fsg "$W/x.bin" --stay
	printf Z | dd of="$W/x.bin" bs=1 seek=4000 conv=notrunc 2>/dev/null
	run 8 part verify fsg "$W/x.bin" --stay
}

t "part list shows the table and leaves the module as it was" list_shows_the_table
t "efs2 of an EC25 read, erased, written and read again is equal" \
	read_and_write_back_are_equal ec25 MDM9x07 A 17825792 '\377' 2048 64
t "efs2 of an RM520N too, and its filler is not programmed" \
	read_and_write_back_are_equal rm520n SDX62 B 23068672 '\377\356' 4096 64
t "several partitions are read in one session" several_in_one_session
t "a dump goes to standard output" to_stdout
t "bad input never leads to an erase" bad_input_sends_no_erase
t "without consent nothing is changed" no_consent_changes_nothing
t "not keeping the old content needs a typed word" no_save_needs_the_word
t "a programmer that acknowledges and writes nothing is found" a_liar_is_found program 6
t "a programmer that acknowledges and erases nothing is found" a_liar_is_found erase 6
t "two reads that differ keep no dump" unstable_reads_keep_no_dump
t "bad blocks make a dump not restorable, and are told" bad_blocks_are_told
t "a refused read is told as the reason why there is no table" a_refused_command_is_a_failure read 5 verify 'no partition table' ''
t "a refused erase is a failure in mid-write" a_refused_command_is_a_failure erase 6 write 'said no' --yes
t "a module that leaves in mid-write is a failure that names the kept copy" unplugged_in_mid_write
t "an erase before a failure is not called untouched" \
	what_was_erased_before_a_failure_is_not_called_untouched
t "--dry-run shows every partition" dry_run_shows_every_partition
t "written, but the module does not start: that is not 'untouched'" \
	written_but_not_back_is_not_called_untouched
t "a dropped terminal does not end a write" a_dropped_terminal_does_not_end_a_write
t "a stopped write says what state the module is in" \
	a_write_that_is_stopped_says_in_what_state_the_module_is
t "a write stopped before its first change says so" a_write_stopped_before_the_first_change_says_so
t "a stopped read brings the module back" a_read_that_is_stopped_brings_the_module_back
t "a programmer that takes no configure is led out all the same" \
	a_programmer_that_takes_no_configure_is_led_out
t "a refused reset is told" a_reset_that_is_refused_is_told
t "an empty LUN hides no other LUN's table" an_empty_lun_hides_no_table
t "outputs are checked under the names they get" outputs_are_checked_under_the_names_they_get
t "a file that cannot fit is not a failed verification" \
	verify_of_what_cannot_fit_is_no_broken_storage
t "a cable that fails in a comparison is no difference" \
	a_cable_that_fails_in_a_comparison_is_no_difference
t "a missing programmer is told before the module is touched" \
	no_programmer_is_told_before_the_module_is_touched
t "eMMC partitions are read, written and verified" managed_storage SDX55
finish
