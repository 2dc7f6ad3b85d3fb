#!/bin/sh
# The shipped binary with the distribution's libusb on a usbfs that umockdev provides: what works over
# sockets works over USB too, with packets, empty packets, unplugging and re-enumeration.
: "${top_srcdir:=.}" "${top_builddir:=.}"
run=$top_builddir/tests/e2e/usbfs-run
if ! test -x "$run"; then
	echo "1..0 # SKIP built without umockdev"
	exit 0
fi
. "$top_srcdir/tests/flow/lib.sh"
quick="--misbehave enumerate=100 --misbehave set=firehose.start_ms:50 --misbehave set=firehose.open_ms:10"
quick="$quick --misbehave set=firehose.leave_ms:50 --misbehave set=normal.linger_ms:100"

# usb STATUS MODEL [--misbehave SPEC]... -- ARGS...: salvor on that module; the state lives in $W/module.
usb() {
	_want=$1
	_model=$2
	shift 2
	_quirks=
	while [ "$1" != -- ]; do
		_quirks="$_quirks $1"
		shift
	done
	shift
	_got=0
	"$run" --model "$MODELS/$_model.model" --state "$W/module" $quick $_quirks -- \
		"$SALVOR_BIN" "$@" >"$W/out" 2>"$W/err" </dev/null || _got=$?
	[ "$_got" = "$_want" ] || { cat "$W/out" "$W/err"; fail "salvor $*: status $_got, expected $_want"; }
}

list_and_info() {
	usb 0 ec25 -- list
	says '1-1\.4 +2c7c:0125 +normal'
	usb 0 ec25 --misbehave start=edl -- info
	says 'chip serial: +1a2b3c4d'
}

round_trip() {
	programmer "$2" "$3"
	usb 0 "$1" -- part read rawdata -o "$W/a.bin" $L
	usb 0 "$1" -- part erase rawdata --yes $L
	usb 0 "$1" -- part write rawdata "$W/a.bin" --yes $L
	usb 0 "$1" -- part read rawdata -o "$W/b.bin" $L
	same "$W/a.bin" "$W/b.bin"
}

strict_about_empty_packets() {
	programmer MDM9x07 A
	head -c 300000 /dev/urandom >"$W/x.bin"
	usb 0 ec25 --misbehave start=edl --misbehave zlp_strict -- part write misc "$W/x.bin" --yes $L
	usb 0 ec25 --misbehave start=edl -- part verify misc "$W/x.bin" $L
}

edl_and_back() {
	usb 0 rm520n -- edl enter
	says '05c6:9008'
	usb 0 rm520n --misbehave start=edl -- edl exit
	says 'normal'
	rm -r "$W/module"
	usb 0 ec25 --misbehave start=dump -- edl enter
	says '05c6:9008'
}

running_firmware() {
	usb 0 "$1" -- info
	says 'revision: '
	says 'IMEI in NV 550: '
	usb 0 "$1" -- nv read 550
	usb 0 "$1" -- efs ls /
	says 'nvm'
	usb 0 "$1" -- efs get /nvm/num/550 -o "$W/550.bin"
	[ "$(wc -c <"$W/550.bin")" = 9 ] || fail "item 550 has $(wc -c <"$W/550.bin") bytes"
	usb 0 "$1" -- at AT+CFUN?
	says 'CFUN: 1'
}

# No kernel driver has made ttys of the interfaces: DIAG and AT go over the interface itself.
without_a_driver() {
	sed '/^iface = [0-3] /s/ option / - /' "$MODELS/ec25.model" >"$W/bare.model"
	_models=$MODELS
	MODELS=$W
	usb 0 bare -- info
	says 'IMEI in NV 550: '
	usb 0 bare -- efs get /nvm/num/550 -o "$W/550.bin"
	[ "$(wc -c <"$W/550.bin")" = 9 ] || fail "item 550 has $(wc -c <"$W/550.bin") bytes"
	usb 0 bare -- edl enter
	says '05c6:9008'
	MODELS=$_models
}

unplugged() {
	programmer MDM9x07 A
	usb 12 ec25 --misbehave start=edl --misbehave "unplug_in=$1" -- part read efs2 --once -o "$W/a.bin" $L
	[ ! -e "$W/a.bin" ] || fail "a dump was kept"
	ls -A "$W" | grep -q '\.tmp$' && fail "a temporary file was left"
	return 0
}

t "list and info over usbfs" list_and_info
t "rawdata of an EC25 over usbfs: read, erased, written, equal" round_trip ec25 MDM9x07 A
t "a device that waits for empty packets gets them" strict_about_empty_packets
t "into EDL and out, and out of a memory dump" edl_and_back
t "DIAG and AT of an EC25 over its ttys" running_firmware ec25
t "DIAG and AT of an RM520N over its ttys" running_firmware rm520n
t "DIAG and AT over the interfaces where there is no driver" without_a_driver
t "unplugged at the first bytes" unplugged 20
t "unplugged in the middle of the data" unplugged 3000000
finish
