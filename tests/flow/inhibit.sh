#!/bin/sh
# ModemManager's inhibition: held while we work, handed back whatever happens. On a bus of its own.
. "${top_srcdir:-.}/tests/flow/lib.sh"
mock=$top_builddir/tests/e2e/mm-mock
if [ ! -x "$mock" ]; then
	echo "1..0 # SKIP built without D-Bus"
	exit 0
fi
if ! command -v dbus-daemon >/dev/null; then
	echo "1..0 # SKIP no dbus-daemon here"
	exit 0
fi

# A bus, and ModemManager on it when a mode is given ("" = an ordinary one).
bus() {
	cat >"$W/bus.conf" <<XML
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=$W/bus</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
XML
	dbus-daemon --config-file="$W/bus.conf" --nofork --print-address >"$W/bus.log" 2>&1 &
	echo $! >"$W/emu-bus.pid"
	_i=0
	until grep -q ^unix: "$W/bus.log"; do
		_i=$((_i + 1))
		[ $_i -gt 200 ] && { cat "$W/bus.log"; fail "no bus"; }
		sleep 0.02
	done
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=$W/bus
	export DBUS_SYSTEM_BUS_ADDRESS
}
mm() {
	"$mock" "$W/mm" "$@" &
	echo $! >"$W/emu-mm.pid"
	seen ready
}
# seen WORD: waits until the mock wrote such a line.
seen() {
	_i=0
	until grep -q "^$1" "$W/mm" 2>/dev/null; do
		_i=$((_i + 1))
		[ $_i -gt 200 ] && { cat "$W/mm"; fail "ModemManager did not see: $1"; }
		sleep 0.02
	done
}

held_and_handed_back() {
	bus
	mm
	emu ec25
	run 0 at ATI
	seen release
	_uid=$(readlink -f "$W/root/sys/bus/usb/devices/1-1.4")
	[ "$(sed -n 2,3p "$W/mm")" = "inhibit $_uid
release $_uid" ] || { cat "$W/mm"; fail "not held for this module, or not handed back"; }
	run 12 at AT+NONSENSE
	[ "$(grep -c ^release "$W/mm")" = 2 ] || fail "not handed back after a failure"
}

handed_back_by_the_bus_after_a_kill() {
	bus
	mm
	emu ec25
	# A port that never answers, the NMEA one, keeps it busy.
	ln -sf "$(readlink -f "$W/root/dev/ttyUSB1")" "$W/root/dev/ttyUSB0"
	"$SALVOR_BIN" --root "$W/root" nv read 550 >/dev/null 2>&1 &
	_p=$!
	seen inhibit
	sleep 0.3
	[ "$(grep -c ^lost "$W/mm")" = 0 ] || fail "it was not held"
	kill -9 $_p
	seen lost
	[ "$(grep -c ^release "$W/mm")" = 0 ] || fail "it was handed back before"
}

edl_holds_it_too() {
	bus
	mm
	emu ec25
	run 0 edl enter
	seen inhibit
	seen release
}

nobody_there_is_no_matter() {
	emu ec25
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=$W/no-bus
	export DBUS_SYSTEM_BUS_ADDRESS
	run 0 at ATI
	bus
	run 0 at ATI
	silent ModemManager
	mm unknown
	run 0 at ATI
	silent ModemManager
}

a_refusal_is_told() {
	bus
	mm denied
	emu ec25
	run 0 at ATI
	errs 'ModemManager was asked .*PolicyKit'
}

the_udev_name_is_used() {
	bus
	mm by-property
	emu ec25
	mkdir -p "$W/root/run/udev/data"
	_bus=$(cat "$W/root/sys/bus/usb/devices/1-1.4/busnum")
	_dev=$(cat "$W/root/sys/bus/usb/devices/1-1.4/devnum")
	printf 'E:ID_MODEL=x\nE:ID_MM_PHYSDEV_UID=my-modem\n' >"$W/root/run/udev/data/c189:$(((_bus - 1) * 128 + _dev - 1))"
	run 0 at ATI
	seen 'release my-modem'
}

t "ModemManager leaves the module alone while we work" held_and_handed_back
t "after a kill -9 the bus hands it back" handed_back_by_the_bus_after_a_kill
t "the way to EDL holds it too" edl_holds_it_too
t "no bus, no ModemManager, no such modem: no word" nobody_there_is_no_matter
t "a refusal is told" a_refusal_is_told
t "a module is named as udev names it" the_udev_name_is_used
finish
