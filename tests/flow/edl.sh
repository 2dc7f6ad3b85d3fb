#!/bin/sh
# list, info and the edl verbs: which module is where, and into EDL and out.
. "${top_srcdir:-.}/tests/flow/lib.sh"

empty_bus() {
	mkdir "$W/root"
	run 0 list
	says 'no module is attached'
	run 0 list --json
	json 'd["result"]["modules"] == []'
	run 3 edl enter
	run 3 info
}

into_edl_and_out() {
	emu "$1"
	run 0 edl enter
	says '05c6:9008'
	run 0 list --json
	json 'd["result"]["modules"][0]["state"] == "edl"'
	run 0 edl enter
	run 0 edl exit
	says 'state: +normal'
	run 3 edl exit
}

info_leaves_the_boot_rom_waiting() {
	emu ec25 --edl
	programmer MDM9x07 A
	for i in 1 2 3; do
		run 0 info
		says 'chip serial: +1a2b3c4d'
		says 'MSM id: +000480e1'
		says 'waiting for a programmer'
	done
	run 0 info --json
	json 'd["result"]["chip"]["pk_hash"].startswith("cc3153a8")'
	run 0 part list $L
}

info_in_normal_mode() {
	emu ec25
	run 0 info
	says 'diag: +interface 0, ttyUSB0'
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 0 ] || fail "EDL was entered"
}

two_modules_need_a_selector() {
	EMU_TAG=1 emu ec25 --port 1.4
	EMU_TAG=2 emu rm520n --port 1.5
	run 2 edl enter
	errs '1-1\.4'
	errs '1\.5'
	run 0 edl enter --port 1-1.4
	run 0 list --json
	json 'sorted(m["state"] for m in d["result"]["modules"]) == ["edl", "normal"]'
	run 3 edl exit --port 9-9
}

chosen_by_imei() {
	EMU_TAG=1 emu ec25 --port 1.4
	EMU_TAG=2 emu ec25-4k --port 1.5
	run 0 edl enter --imei 123456789012347
	says 'port: +1-1\.5'
	run 3 edl enter --imei 356938035643809
}

a_short_appearance_is_caught() {
	emu ec25 --edl --misbehave blink=1500:2500
	programmer MDM9x07 A
	run 0 edl wait --timeout 20 --loader "$W/fw"
	says 'programmer runs: +yes'
}

waiting_has_a_limit() {
	mkdir "$W/root"
	run 12 edl wait --timeout 1
}

waiting_knows_a_serial_however_it_is_written() {
	emu emmc --edl
	run 0 edl wait --timeout 2 --serial 0x2a1bc3d7
	run 0 edl wait --timeout 2 --serial 002A1BC3D7
	run 12 edl wait --timeout 1 --serial 2a1bc3d8
	run 0 list --json --serial 0x2a1bc3d7
	json 'len(d["result"]["modules"]) == 1'
	run 2 edl wait --timeout 2 --imei 490154203237518
	run 2 edl wait --timeout 2 --port "unix:$W/x"
}

a_slow_switch_is_not_called_no_switch() {
	ENUMERATE_MS=3000 emu ec25
	run 12 edl enter --timeout 1
	errs 'still may'
	errs 'edl exit'
}

a_crashed_module_is_led_out() {
	emu ec25 --dump
	run 0 list --json
	json 'd["result"]["modules"][0]["state"] == "dump"'
	run 0 info
	says 'crash handler'
	run 0 edl enter
	says '05c6:9008'
}

stays_in_edl_is_a_failure() {
	emu ec25 --misbehave stay_edl
	run 0 edl enter
	run 5 edl exit
	errs 'does not start its firmware'
}

dry_run_moves_nothing() {
	emu ec25
	run 0 edl enter --dry-run
	[ "$(grep -c 05c6:9008 "$W/emu.log")" = 0 ] || fail "EDL was entered"
}

how_without_software() {
	run 0 edl enter --how EC25EFA
	says 'USB_BOOT'
	run 2 edl enter --how XYZ
}

secure_boot_is_told() {
	emu ec25 --edl --misbehave "secure_boot=$1"
	programmer MDM9x07 A
	run 12 part list $L
	errs 'secure boot|signed'
}

lost_hello_is_overcome() {
	emu ec25 --edl --misbehave "hello=$1,count=1"
	programmer MDM9x07 A
	run 0 part list $L
}

over_tcp() {
	emu ec25 --edl --listen tcp:$((20000 + $$ % 20000))
	programmer MDM9x07 A
	run 0 part read misc -o "$W/a.bin" $L --port "tcp:127.0.0.1:$((20000 + $$ % 20000))"
}

t "an empty bus is said, not an error of list" empty_bus
t "an EC25 goes to EDL and comes back" into_edl_and_out ec25
t "an RM520N does too, though its port changes with its speed" into_edl_and_out rm520n
t "info asks the chip and leaves the boot ROM waiting" info_leaves_the_boot_rom_waiting
t "info on running firmware changes nothing" info_in_normal_mode
t "two modules and no selector is a refusal that lists them" two_modules_need_a_selector
t "a module is chosen by its IMEI" chosen_by_imei
t "a module that shows for a moment is caught" a_short_appearance_is_caught
t "edl wait gives up" waiting_has_a_limit
t "edl wait and list know a serial however it is written" waiting_knows_a_serial_however_it_is_written
t "a module that is slow to switch is not said to have stayed" a_slow_switch_is_not_called_no_switch
t "a crashed module is led to EDL by a reset" a_crashed_module_is_led_out
t "a module that comes back in EDL did not boot" stays_in_edl_is_a_failure
t "--dry-run moves nothing" dry_run_moves_nothing
t "edl enter --how prints the hardware way" how_without_software
t "a programmer refused by secure boot is told in words" secure_boot_is_told 0x21
t "secure boot that answers with silence too" secure_boot_is_told silent
t "a lost HELLO is overcome" lost_hello_is_overcome lost
t "a stale packet before HELLO is overcome" lost_hello_is_overcome stale
t "two HELLOs are overcome" lost_hello_is_overcome double
t "EDL over TCP works without a bus" over_tcp
finish
