#!/bin/sh
# demo.sh: salvor at work on an emulated EC25, from normal mode to EDL and back, with its efs2 saved,
# erased, written back and compared. SALVOR names the program; the emulated module's programs lie beside it.
set -eu
salvor=${SALVOR:-salvor}
case $salvor in */*) bin=$(dirname "$salvor") ;; *) bin=. ;; esac
here=$(dirname "$0")
w=$(mktemp -d "${TMPDIR:-/tmp}/salvor-demo.XXXXXX")
pid=
leave() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	fi
	rm -rf "$w"
}
trap leave EXIT
HOME=$w
unset XDG_STATE_HOME
export HOME
SALVOR_ROOT=$w/root
export SALVOR_ROOT

# An emulated module appears faster than a real one, which takes 3 s into EDL and 12 s out of it.
mkdir "$w/firmware"
"$bin/emu-programmer" MDM9x07 A "$w/firmware/prog_nand_firehose_9x07.mbn"
"$bin/emu-programmer" MDM9x07 N "$w/firmware/NPRG9x07.mbn"
"$bin/salvor-emu" --quiet --model "$here/emu/models/ec25.model" --state "$w/module" --root "$w/root" \
	--misbehave enumerate=800 --pidfile "$w/pid" &
pid=$!
i=0
until "$salvor" list --json 2>/dev/null | grep -q '"port"'; do
	i=$((i + 1))
	[ $i -lt 100 ] || { echo "the emulated module did not start" >&2; exit 1; }
	sleep 0.1
done

step() {
	printf '\n$ salvor'
	for a; do
		case $a in
		"$w"/*) printf ' %s' "${a#"$w"/}" ;;
		*) printf ' %s' "$a" ;;
		esac
	done
	printf '\n'
	"$salvor" -q "$@" | sed "s|$w/||g"
}

echo "An emulated EC25 is attached. Every command below is the real program talking to it."
step list
step part list --loader "$w/firmware" --stay
step part read efs2 -o "$w/efs2.bin"
step part erase efs2 --yes
step part write efs2 "$w/efs2.bin" --yes
step part verify efs2 "$w/efs2.bin"
step edl exit
step list
echo
echo "efs2 was saved, erased, written back, read back and compared; the module runs its firmware again."
