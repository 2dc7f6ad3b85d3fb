#!/bin/sh
# A module in normal mode from end to end: NV items and file system of emulated modules, healthy and sick.
. "${top_srcdir:-.}/tests/flow/lib.sh"

# tree DIR: what was read, as a list of digests.
tree() {
	( cd "$1" && find . -type f | sort | xargs sha256sum )
}

everything_is_read_whole_however_it_behaves() {
	emu "$1"
	run 0 efs get / -o "$W/plain" --json
	json 'd["result"]["gaps"] == [] and d["result"]["files"] + d["result"]["items"] > 240'
	emu_stop
	[ "$(wc -c <"$W/plain/nvm/num/550")" = 9 ] || fail "item 550 is not nine bytes"
	tree "$W/plain" >"$W/plain.sums"
	emu "$1" --misbehave fds=1 --misbehave dirs=1 --misbehave logs=1 --misbehave repeat=efs_readdir,after=20 \
		--misbehave wrong=efs_get,after=30,count=1 --misbehave late=efs_get,after=90,count=1 \
		--misbehave bad_crc=efs_get,after=60,count=1 \
		--misbehave blind_items --misbehave get_regular=no --misbehave read_max=100 \
		--misbehave hide=/policyman/device_config.xml --misbehave no_list=/rfc
	run 9 efs get / -o "$W/sick" --json
	json '[g["path"] for g in d["result"]["gaps"]] == ["/rfc"]'
	tree "$W/sick" >"$W/sick.sums"
	# Besides what lies in the folder that cannot be listed and has no known name: all of it, and equal.
	grep -v ' \./rfc/' "$W/plain.sums" >"$W/want"
	grep -v ' \./rfc/' "$W/sick.sums" >"$W/got"
	same "$W/want" "$W/got"
}

identity_of_both_sims_is_told() {
	emu rm520n
	run 0 info --json
	silent '4901542032375|3569380356438'
	json 'd["result"]["identity"]["imei_nv"] == "49015420*******"'
	json 'd["result"]["identity"]["imei_nv_2"] == "35693803*******"'
	json 'd["result"]["diag"]["rf_data"] == "present"'
	json 'd["result"]["own_backup"]["backups"] >= 0'
	run 0 nv read 550 --sim 2 --full
	says 356938035643809
	run 0 info --full
	says 490154203237518
}

offline_comes_back() {
	emu ec25
	run 0 nv read 453 --offline
	errs 'taking the module offline'
	run 0 at 'AT+CFUN?'
	says 'CFUN: 1$'
	[ "$(grep -c 2c7c:0125 "$W/emu.log")" = 2 ] || fail "it was not reset once"
	run 12 efs ls /none --offline
	run 0 at 'AT+CFUN?'
	says 'CFUN: 1$'
	[ "$(grep -c 2c7c:0125 "$W/emu.log")" = 3 ] || fail "not reset after a failure"
}

writes_survive_a_reset() {
	emu ec25
	run 0 nv write 453 01 --yes
	head -c 3000 /dev/urandom >"$W/x"
	run 0 efs put "$W/x" /policyman/new/x.xml --yes
	run 0 efs rm /policyman/current.xml --yes
	run 0 nv read 453 --offline
	says '000  01$'
	run 0 efs get /policyman/new/x.xml -o "$W/y"
	same "$W/x" "$W/y"
	run 12 efs stat /policyman/current.xml
	# Factory test mode, as the item says.
	run 0 info --json
	json 'd["result"]["state"]["cfun"] == 5'
	run 0 nv write 453 00 --yes
	run 0 nv read 453 --offline
	run 0 at 'AT+CFUN?'
	says 'CFUN: 1$'
}

a_full_journal_and_a_liar() {
	emu ec25 --misbehave journal=6
	head -c 3000 /dev/urandom >"$W/x"
	run 0 efs put "$W/x" /mdb_new/x --yes
	run 0 efs get /mdb_new/x -o "$W/y"
	same "$W/x" "$W/y"
	emu_stop
	emu ec25 --misbehave lie=efs_put --misbehave lie=nv_write --misbehave lie=efs_unlink
	printf '\003' >"$W/z"
	run 8 efs put "$W/z" /nv/item_files/modem/mmode/ue_usage_setting --yes
	run 8 nv write 453 01 --yes
	run 8 efs rm /mdb_new/x --yes
}

a_wiped_file_system_is_told() {
	emu ec25
	programmer MDM9x07 A
	run 0 part erase efs2 --yes $L
	run 0 info --json
	json 'd["result"]["state"]["cfun"] == 5'
	json 'd["result"]["diag"]["rf_data"] == "missing"'
	json 'd["result"]["identity"]["imei_at"] is None and d["result"]["identity"]["imei_nv"] != "49015420*******"'
	run 9 nv read 550
	# What the field knows: nothing can be written by item then.
	run 6 nv write 453 00 --pad --yes
	errs 'not written'
}

one_dead_port_leaves_the_other() {
	emu ec25 --misbehave at=deaf
	run 0 info --json
	errs 'AT tells nothing'
	json 'd["result"]["identity"]["imei_nv"] == "49015420*******"'
	emu_stop
	emu ec25 --misbehave dead_after=0
	run 0 info --json
	errs 'DIAG tells nothing'
	json 'd["result"]["module"]["model"] == "EG25"'
}

by_the_interface_itself() {
	emu ec25
	# Without a driver there is no tty: the interface is opened.
	rm -f "$W"/root/sys/bus/usb/devices/1-1.4:1.0/ttyUSB*  2>/dev/null || rm -rf "$W"/root/sys/bus/usb/devices/1-1.4:1.0/ttyUSB*
	run 0 nv read 453
	says '000  00$'
	run 0 nv list --json
	json 'len(d["result"]["items"]) > 190'
}

t "an EC25 is read whole, however it behaves" everything_is_read_whole_however_it_behaves ec25
t "an RM520N too" everything_is_read_whole_however_it_behaves rm520n
t "both SIMs' numbers are told, masked" identity_of_both_sims_is_told
t "offline ends in a reset and full function" offline_comes_back
t "what was written is there after a reset" writes_survive_a_reset
t "a full journal is synced, a liar is found" a_full_journal_and_a_liar
t "a wiped file system is told" a_wiped_file_system_is_told
t "with one dead port the other still tells" one_dead_port_leaves_the_other
t "without a driver the interface itself is opened" by_the_interface_itself
finish
