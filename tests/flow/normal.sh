#!/bin/sh
# info and at of a module that runs its firmware, and who is in the way.
. "${top_srcdir:-.}/tests/flow/lib.sh"

info_tells_and_masks() {
	emu "$1"
	run 0 info
	says "revision: +$2"
	says 'function: +.*\(CFUN [0-9]\)'
	says 'made: '
	silent "$3"
	run 0 info --json
	silent "$3"
	json 'd["result"]["state"]["cfun"] == 1'
	json 'any(t["meaning"] for t in d["result"]["module"]["revision_tokens"])'
	run 0 info --full
	says "$3"
}

at_speaks() {
	emu ec25
	run 0 at AT+CGMM
	says '^EG25'
	run 0 at 'AT+CFUN?' --json
	json 'd["result"]["lines"] == ["+CFUN: 1"]'
	run 12 at AT+NONSENSE
	run 0 at AT+CGMM --port ttyUSB2
	run 2 at CGMM
	run 2 at
	run 2 at ''
	emu_stop
	run 3 at ATI
}

at_keeps_away_from_identity() {
	emu ec25
	for c in 'AT+EGMR=1,7,"490154203237518"' 'at+egmr = 1 , 7,"490154203237518"' \
		'AT+CSQ;+EGMR=1,7,"490154203237518"' 'ATE0+EGMR=1,7,"490154203237518"' \
		'AT+QNVW=550,0,"08"' 'AT+QNVFW="/nvm/num/550",08' 'AT+QPRTPARA=3' 'AT+QPRTPARA=1'; do
		run 7 at "$c"
		errs 'is not sent'
	done
	run 2 at "$(printf 'AT\rAT+CSQ')"
}

# holder PID NAME SERVICE NODE: a process that has the node open, in a /proc of our own.
holder() {
	mkdir -p "$W/root/proc/$1/fd"
	ln -s "$4" "$W/root/proc/$1/fd/7"
	echo "$2" >"$W/root/proc/$1/comm"
	echo "0::/system.slice/$3" >"$W/root/proc/$1/cgroup"
}

a_holder_is_named() {
	emu ec25
	holder 812 ModemManager ModemManager.service /dev/ttyUSB2
	run 4 at ATI --port ttyUSB2
	errs "'/dev/ttyUSB2' is held by ModemManager, pid 812, ModemManager.service"
	errs 'systemctl stop ModemManager.service'
	# The modem port is still free.
	run 0 at ATI
	holder 813 pppd pppd.service /dev/ttyUSB3
	run 4 at ATI
	rm -r "$W/root/proc/812" "$W/root/proc/813"
	# Who uses the network port only is told.
	holder 814 qmi-proxy x.service /dev/cdc-wdm0
	run 0 at ATI
	[ ! -e "$W/root/dev/cdc-wdm0" ] || errs 'qmi-proxy, pid 814'
	holder 815 fwupd fwupd.service "/dev/bus/usb/$(printf %03d/%03d $(cat "$W/root/sys/bus/usb/devices/1-1.4/busnum") \
		$(cat "$W/root/sys/bus/usb/devices/1-1.4/devnum"))"
	run 0 at ATI
	errs 'fwupd, pid 815'
}

a_tty_of_no_module_is_taken_as_it_is() {
	emu ec25
	ln -s "$(readlink -f "$W/root/dev/ttyUSB2")" "$W/root/dev/ttyS77"
	run 0 at AT+CGMM --port ttyS77
	says '^EG25'
	run 3 at AT+CGMM --port ttyS78
}

edl_is_no_normal_mode() {
	emu ec25 --edl
	run 3 at ATI
	errs 'edl exit'
	run 3 nv read 550
}

t "info of an EC25 tells much and masks the numbers" info_tells_and_masks ec25 EG25 490154203237518
t "at sends a command and shows the answer" at_speaks
t "at keeps away from identity, on every spelling" at_keeps_away_from_identity
t "whoever holds the port is named" a_holder_is_named
t "a tty of no known module is taken as it is" a_tty_of_no_module_is_taken_as_it_is
t "a module in EDL is told how to come back" edl_is_no_normal_mode
finish
