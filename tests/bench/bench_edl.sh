#!/bin/sh
# Throughput of `part read` and `part write` on 512 MiB of emulated NAND, through the socket face and
# through usbfs with the distribution's libusb. The emulated module answers as fast as it can, so these
# are the limits of salvor, not of a cable.
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}"
salvor=$top_builddir/salvor
run=$top_builddir/tests/bench/bench-run
model=$top_srcdir/tests/emu/models/rm520n.model
quick="--misbehave enumerate=10 --misbehave set=firehose.start_ms:10 --misbehave set=firehose.open_ms:0"
quick="$quick --misbehave set=firehose.erase_ms:0"
w=$(mktemp -d "${TMPDIR:-/tmp}/salvor-bench.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$w"' EXIT
HOME=$w
export HOME
# A chip without bad blocks: one would make the dump "not restorable", which is another status.
sed '/^bad = /d' "$model" >"$w/bench.model"
model=$w/bench.model
"$top_builddir/emu-programmer" SDX62 B "$w/prog.bin"
# The usbfs figures are bounded by umockdev, which takes some 0.2 ms for each ioctl, two a transfer.
# The whole chip as one extent, and a file for the largest partition.
sectors=131072
bytes=$((sectors * 4096))

"$top_builddir/salvor-emu" --model "$model" --state "$w/m" --root "$w/root" --edl $quick \
	--pidfile "$w/pid" >/dev/null 2>&1 &
pid=$!
until "$salvor" --root "$w/root" list --json 2>/dev/null | grep -q '"edl"'; do sleep 0.1; done
"$salvor" -q --root "$w/root" part list --loader "$w/prog.bin" --stay --json >"$w/list.json"
part=usrdata
psectors=$(sed 's/},{/\n/g' "$w/list.json" | sed -n "s/.*\"name\":\"$part\".*\"sectors\":\([0-9]*\).*/\1/p")
pbytes=$((psectors * 4096))
head -c "$pbytes" /dev/urandom >"$w/image.bin"

"$run" "socket: read 512 MiB" "$bytes" "$salvor" -q --root "$w/root" part read "0/0+$sectors" \
	-o "$w/all.bin" --stay >"$w/row" 2>/dev/null || true
grep MB/s "$w/row"
rm -f "$w/all.bin" "$w/all.bin.map"
"$run" "socket: write+verify $((pbytes >> 20)) MiB" "$pbytes" "$salvor" -q --root "$w/root" part write $part \
	"$w/image.bin" --yes --no-save "measuring only" --accept-loss "lose-$part" --stay >"$w/row" 2>/dev/null || true
grep MB/s "$w/row"
kill $pid
wait $pid 2>/dev/null || true
pid=

if [ -x "$top_builddir/tests/e2e/usbfs-run" ]; then
	"$top_builddir/tests/e2e/usbfs-run" --model "$model" --state "$w/u" --misbehave start=edl $quick -- \
		"$run" "usbfs: read 512 MiB" "$bytes" "$salvor" -q part read "0/0+$sectors" -o "$w/all.bin" \
		--loader "$w/prog.bin" --stay >"$w/row" 2>"$w/err" || true
	grep MB/s "$w/row" || cat "$w/err"
	rm -f "$w/all.bin" "$w/all.bin.map"
	"$top_builddir/tests/e2e/usbfs-run" --model "$model" --state "$w/u" --misbehave start=edl $quick -- \
		"$run" "usbfs: write+verify $((pbytes >> 20)) MiB" "$pbytes" "$salvor" -q part write $part \
		"$w/image.bin" --yes --no-save "measuring only" --accept-loss "lose-$part" \
		--loader "$w/prog.bin" --stay >"$w/row" 2>"$w/err" || true
	grep MB/s "$w/row" || cat "$w/err"
fi
