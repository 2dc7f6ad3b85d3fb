#!/bin/sh
# nv read, list, write.
. "${top_srcdir:-.}/tests/flow/lib.sh"

reads_show_state_and_bytes() {
	fake_diag
	run 0 nv read 453 1878 $P
	says '^453 \(factory test mode\): '
	says '000  00$'
	says '000  11223344$'
	says 'and 124 zero bytes'
	run 0 nv read 0x1c5 $P --json
	json 'd["result"]["items"][0]["id"] == 453 and d["result"]["items"][0]["data"] == "00" * 128'
	json 'd["result"]["items"][0]["bytes"] == 128 and d["result"]["items"][0]["class"] == "state"'
	run 0 nv read 550 --sim 2 $P --json
	json 'd["result"]["items"][0]["sim"] == 2 and d["result"]["items"][0]["imei"] == "49015420*******"'
}

identity_is_masked_and_secrets_are_never_shown() {
	fake_diag
	run 0 nv read 550 85 $P
	says 'IMEI: 49015420\*+'
	says 'not shown: it holds a secret'
	silent '4901542032375|08 ?4a|303030'
	run 0 nv read 550 85 $P --json
	silent '490154203237518|084a0951|303030'
	json 'all(i["hidden"] and i["data"] is None for i in d["result"]["items"])'
	run 0 nv read 550 85 --full $P
	says 'IMEI: 490154203237518'
	says '084a09512430325781'
	silent '303030'
	run 0 nv read 550 -o "$W/550.bin" $P
	[ "$(wc -c <"$W/550.bin")" = 128 ] || fail "not 128 bytes"
	[ "$(stat -c %a "$W/550.bin")" = 600 ] || fail "others may read it"
	run 1 nv read 550 -o "$W/550.bin" $P
	errs 'exists and is not overwritten'
}

numbers_must_be_numbers() {
	fake_diag
	for n in 70000 -1 5x 0x 1e3 '' ' 5' 550,1; do
		run 2 nv read $P -- "$n"
	done
	run 2 nv read $P
	run 2 nv read 1 2 -o "$W/x" $P
	run 2 nv read 1 --sim 4 $P
	run 2 nv read 1 --index 65536 $P
	run 2 nv read 1 --spc 12345 $P
	run 2 nv read 1 --password fe $P
	run 2 nv write 453 0 --yes $P
	run 2 nv write 453 zz --yes $P
	run 2 nv write 453 --yes $P
	run 2 nv write 453 00 --file "$W/x" --yes $P
}

items_without_a_value_are_told() {
	fake_diag
	run 9 nv read 453 700 $P
	says '^700: '
	errs '1 of 2 items gave no value'
	run 9 nv read 700 $P --json
	json 'd["result"]["items"][0]["state"] == "inactive" and d["result"]["items"][0]["data"] is None'
}

the_list_comes_from_the_module() {
	fake_diag
	run 0 nv list $P
	says ' 550 +0 +1 +listed +identity +IMEI'
	says ' 550 +0 +2 +listed'
	run 0 nv list $P --json
	json '[i["id"] for i in d["result"]["items"]] == [10, 85, 453, 550, 1878, 550]'
	json 'd["result"]["scanned"] is False'
}

without_a_list_all_ids_are_tried() {
	fake_diag "$@"
	run 0 nv list --nv-max 2000 $P --json
	json '[i["id"] for i in d["result"]["items"]] == [10, 85, 453, 550, 1878]'
	json 'd["result"]["scanned"] is True'
	errs 'trying ids 0 to 2000'
}

a_write_keeps_and_reads_back() {
	fake_diag
	run 0 nv write 453 01 --yes $P --json
	json 'd["result"]["changes"][0]["result"] == "written and read back"'
	run 0 nv read 453 $P
	says '000  01$'
	set -- "$W"/state/salvor/saved/*nv-00453*.bin
	[ "$(wc -c <"$1")" = 128 ] || fail "the old content was not kept"
	# And back again, from the kept copy.
	run 0 nv write 453 --file "$1" --save "$W/new.bin" --yes $P
	run 0 nv read 453 $P
	says '000  00$'
	[ "$(od -An -tx1 -N1 "$W/new.bin")" = " 01" ] || fail "--save did not get it"
	run 0 nv write 453 00 --yes $P
	says 'as it was'
}

lengths_are_exact() {
	fake_diag
	run 5 nv write 453 0000 --yes $P
	errs 'is 1 bytes long'
	run 5 nv write 453 --file /dev/null --yes $P
	run 5 nv write 700 01 --yes $P
	errs 'does not tell'
	run 0 nv write 700 01 --pad --yes $P
	run 0 nv read 700 $P
	says '000  01$'
	head -c 129 /dev/zero >"$W/long.bin"
	run 5 nv write 453 --file "$W/long.bin" --yes $P
	run 5 nv write 453 --file "$W/none.bin" --yes $P
}

identity_is_refused() {
	fake_diag
	for id in 550 0 85 447 1943 2824 4678; do
		run 7 nv write $id --pad 084a09512430325782 --yes $P
		errs 'only by restoring'
	done
	run 7 nv write 550 --sim 2 084a09512430325782 --yes $P
	run 7 nv write 550 --index 1 084a09512430325782 --pad --yes $P
	run 0 nv read 550 --full $P
	says '490154203237518'
}

without_consent_nothing_is_written() {
	fake_diag
	run 7 nv write 453 01 $P
	run 0 nv write 453 01 --dry-run $P
	says 'write +nv 453 +1 bytes, zeros up to 128'
	says 'sync'
	run 0 nv read 453 $P
	says '000  00$'
	[ ! -e "$W/state/salvor/saved" ] || [ -z "$(ls "$W/state/salvor/saved")" ] || fail "something was kept"
}

a_liar_is_found() {
	fake_diag lie
	run 8 nv write 453 01 --yes $P
	errs 'other bytes'
	errs "put back .*nv write 453 --file '.*bin'"
}

a_locked_item_wants_the_code() {
	fake_diag spc=123456
	run 9 nv read 85 $P
	errs -- '--spc'
	run 9 nv read 85 --spc 000000 $P
	run 0 nv read 85 --spc 123456 $P
}

a_dead_module_is_noticed() {
	fake_diag dead=3
	_t=$(date +%s)
	run 12 nv read 453 $P
	[ $(($(date +%s) - _t)) -lt 20 ] || fail "it took too long"
	run 3 nv read 453 --port "unix:$W/nobody"
	run 3 nv read 453
	run 3 nv read 453 --port ttyUSB9
}

modes() {
	_i=0
	until [ "$(grep -c mode "$W/fake.log")" = 2 ]; do
		_i=$((_i + 1))
		[ $_i -gt 100 ] && { cat "$W/fake.log"; fail "not two mode changes"; }
		sleep 0.02
	done
	[ "$(tr '\n' ' ' <"$W/fake.log")" = "mode 1 mode 2 " ] || fail "not offline and reset"
}

offline_ends_in_a_reset() {
	fake_diag
	run 0 nv read 453 --offline $P
	errs 'taking the module offline'
	modes
	fake_diag
	run 9 nv read 700 --offline $P
	modes
	fake_diag
	run 7 nv write 550 --pad 00 --offline --yes $P
	modes
	fake_diag no-list=/nvm/num
	"$SALVOR_BIN" nv list --offline $P --nv-max 65535 >"$W/out" 2>"$W/err" &
	_p=$!
	until grep -q 'trying ids' "$W/err"; do sleep 0.02; done
	kill -TERM $_p
	_got=0
	wait $_p || _got=$?
	[ $_got = 130 ] || fail "exit status $_got after an interrupt"
	modes
}

t "reads show state and bytes" reads_show_state_and_bytes
t "identity is masked, secrets are never shown" identity_is_masked_and_secrets_are_never_shown
t "numbers must be numbers" numbers_must_be_numbers
t "items without a value are told" items_without_a_value_are_told
t "the list comes from the module" the_list_comes_from_the_module
t "without a list all ids are tried" without_a_list_all_ids_are_tried no-list=/nvm/num
t "without a file system too" without_a_list_all_ids_are_tried no-efs
t "a log storm disturbs nothing" without_a_list_all_ids_are_tried no-list=/nvm/num logs
t "a write keeps what was there and reads back" a_write_keeps_and_reads_back
t "lengths are exact, nothing is filled up in silence" lengths_are_exact
t "items of identity are refused" identity_is_refused
t "without consent nothing is written" without_consent_nothing_is_written
t "a module that accepts and does not write is found" a_liar_is_found
t "a locked item wants the code, once" a_locked_item_wants_the_code
t "offline ends in a reset, whatever happens" offline_ends_in_a_reset
t "a dead module and a missing one are noticed" a_dead_module_is_noticed
finish
