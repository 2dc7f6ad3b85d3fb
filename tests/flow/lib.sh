# Shell side of the flow tests: starts emulated modules below a fake system root, runs the real
# salvor against them, and speaks TAP. Sourced by tests/flow/*.sh.
#
# A test is a function; `t NAME FUNCTION` runs it in a subshell with a fresh folder as $W and reports
# it. A failed check ends that test and says what it saw.

set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
SALVOR_BIN=$top_builddir/salvor
EMU_BIN=$top_builddir/salvor-emu
MODELS=$top_srcdir/tests/emu/models
LC_ALL=C
NO_COLOR=1
export LC_ALL NO_COLOR

_n=0
_failed=0
_base=$(mktemp -d "${TMPDIR:-/tmp}/salvor-flow.XXXXXX") || exit 99
trap '_stop_all; rm -rf "$_base"' EXIT
trap 'exit 1' INT TERM HUP

_stop_all() {
	for _p in "$_base"/*/emu*.pid; do
		[ -f "$_p" ] && kill "$(cat "$_p")" 2>/dev/null
	done
}

# t NAME FUNCTION [ARGS...]
t() {
	_name=$1
	shift
	_n=$((_n + 1))
	W=$_base/$_n
	mkdir "$W"
	HOME=$W/home
	XDG_STATE_HOME=$W/state
	export W HOME XDG_STATE_HOME
	mkdir "$HOME"
	_t0=$(date +%s%N)
	if ( set -e; "$@" ) >"$W/trace" 2>&1; then
		echo "ok $_n - $_name"
		echo "# $((($(date +%s%N) - _t0) / 1000000)) ms"
	else
		_failed=1
		echo "not ok $_n - $_name"
		sed 's/^/#   /' "$W/trace" | tail -60
	fi
	for _p in "$W"/emu*.pid; do
		[ -f "$_p" ] && kill "$(cat "$_p")" 2>/dev/null
	done
	return 0
}

finish() {
	echo "1..$_n"
	exit $_failed
}

fail() {
	echo "FAIL: $*"
	exit 1
}

# emu MODEL [OPTIONS...]: an emulated module below $W/root with its state in $W/state-MODEL; waits
# until it is on the bus (or says why not). EMU_TAG keeps several apart.
emu() {
	_model=$1
	shift
	_tag=${EMU_TAG:-}
	mkdir -p "$W/root"
	"$EMU_BIN" --model "$MODELS/$_model.model" --state "$W/module$_tag" --root "$W/root" \
		--pidfile "$W/emu$_tag.pid" --misbehave "enumerate=${ENUMERATE_MS:-100}" \
		--misbehave set=firehose.start_ms:50 --misbehave set=firehose.open_ms:10 \
		--misbehave set=firehose.leave_ms:50 "$@" >"$W/emu$_tag.log" 2>&1 &
	_i=0
	until [ -s "$W/emu$_tag.pid" ] && grep -q 'bus [0-9]' "$W/emu$_tag.log"; do
		_i=$((_i + 1))
		if [ $_i -gt 100 ]; then
			cat "$W/emu$_tag.log"
			fail "the emulated module did not start"
		fi
		sleep 0.05
	done
}

# fake_diag [QUIRK...]: the DIAG port of a module at $W/diag, and $P as the option for it. It keeps what is
# written to it until fake_stop.
fake_diag() {
	fake_stop
	rm -f "$W/diag"
	"$top_builddir/tests/flow/fake-diag" "$W/diag" "$@" >"$W/fake.log" 2>&1 &
	echo $! >"$W/emu-fake.pid"
	P="--port unix:$W/diag"
	_i=0
	until [ -S "$W/diag" ]; do
		_i=$((_i + 1))
		[ $_i -gt 100 ] && { cat "$W/fake.log"; fail "the fake module did not start"; }
		sleep 0.02
	done
}
fake_stop() {
	[ ! -f "$W/emu-fake.pid" ] || kill "$(cat "$W/emu-fake.pid")" 2>/dev/null || true
	rm -f "$W/emu-fake.pid"
}

# programmer CHIP FAMILY: a folder $W/fw as a firmware package has it, and $L as the option for it.
programmer() {
	mkdir -p "$W/fw/update/firehose"
	"$top_builddir/emu-programmer" "$1" "$2" "$W/fw/update/firehose/prog_any_name.bin"
	"$top_builddir/emu-programmer" "$1" N "$W/fw/update/NPRG9x07.mbn"
	L="--loader $W/fw"
}

# counter NAME VALUE: what the module witnessed; after emu_stop.
counter() {
	grep -qx "$1 $2" "$W/module${EMU_TAG:-}/counters" ||
		fail "$1 is not $2: $(grep "^$1 " "$W/module${EMU_TAG:-}/counters")"
}

# Stops the module and waits for its state to be written.
emu_stop() {
	_tag=${EMU_TAG:-}
	_pid=$(cat "$W/emu$_tag.pid")
	kill "$_pid"
	_i=0
	while kill -0 "$_pid" 2>/dev/null; do
		_i=$((_i + 1))
		[ $_i -gt 100 ] && fail "the emulated module does not stop"
		sleep 0.05
	done
	rm -f "$W/emu$_tag.pid"
}

# salvor ARGS...: against the fake root, never waiting long for something that will not come.
salvor() {
	"$SALVOR_BIN" --root "$W/root" "$@"
}

# run STATUS ARGS...: runs salvor, keeps stdout in $W/out and stderr in $W/err, checks the status.
run() {
	_want=$1
	shift
	_got=0
	"$SALVOR_BIN" --root "$W/root" "$@" >"$W/out" 2>"$W/err" </dev/null || _got=$?
	if [ "$_got" != "$_want" ]; then
		echo "salvor $*: exit status $_got, expected $_want"
		echo "--- stdout"
		cat "$W/out"
		echo "--- stderr"
		cat "$W/err"
		exit 1
	fi
}

# says PATTERN / errs PATTERN: an extended regular expression in the last run's stdout / stderr.
says() {
	grep -Eq -- "$1" "$W/out" || { cat "$W/out"; fail "stdout lacks: $1"; }
}
errs() {
	grep -Eq -- "$1" "$W/err" || { cat "$W/err"; fail "stderr lacks: $1"; }
}
silent() {
	! grep -Eq -- "$1" "$W/out" "$W/err" || { cat "$W/out" "$W/err"; fail "output has: $1"; }
}

same() {
	cmp "$1" "$2" || fail "$1 and $2 differ"
}

# json EXPRESSION: evaluates a Python expression over `d`, the last run's JSON document.
json() {
	python3 - "$W/out" "$1" <<'PY' || fail "JSON: $1 is not true"
import json, sys
d = json.load(open(sys.argv[1]))
if not eval(sys.argv[2]):
    print(json.dumps(d, indent=1))
    sys.exit(1)
PY
}
