#!/bin/sh
# One module seen twice: over DIAG while its firmware runs, and in the raw dump of its flash. The names, the
# sizes and every byte must agree.
. "${top_srcdir:-.}/tests/flow/lib.sh"

one_tree_two_ways() {
	emu "$1" --misbehave set=firmware.files:1000
	programmer "$2" "$3"
	run 0 efs tree --json
	cp "$W/out" "$W/live.json"
	run 0 efs get / -o "$W/live"
	run 0 part read efs2 -o "$W/efs2.bin" $L
	run 0 efs tree --image "$W/efs2.bin" --json
	cp "$W/out" "$W/image.json"
	run 0 efs extract --image "$W/efs2.bin" -o "$W/image"
	python3 - "$W" <<'PY' || fail "the two views differ"
import json, os, sys
w = sys.argv[1]
def names(view):
    entries = json.load(open("%s/%s.json" % (w, view)))["result"]["entries"]
    return {e["path"]: (e["type"], e["size"]) for e in entries if e["type"] != "link"}
live, image = names("live"), names("image")
def files(view):
    found = {}
    for folder, _, here in os.walk("%s/%s" % (w, view)):
        for name in here:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and "%" not in name:
                found[os.path.relpath(path, "%s/%s" % (w, view))] = open(path, "rb").read()
    return found
bytes_live, bytes_image = files("live"), files("image")
# Live counters and logs move between the two looks.
moving = [p for p in live if p.startswith("/err")]
for p in moving:
    live.pop(p, None); image.pop(p, None)
    bytes_live.pop(p[1:], None); bytes_image.pop(p[1:], None)
print(len(live), len(image), len(bytes_live), len(bytes_image))
print([p for p in set(live) ^ set(image)][:8], [(p, live[p], image[p]) for p in live if p in image and live[p] != image[p]][:8])
print([p for p in set(bytes_live) ^ set(bytes_image)][:8], [p for p in bytes_live if bytes_live[p] != bytes_image.get(p)][:8])
ok = live == image and bytes_live == bytes_image and len(live) > 1000 and len(bytes_live) > 1000
sys.exit(not ok)
PY
}

t "1,000 files of an EC25 are the same over DIAG and in its raw dump" one_tree_two_ways ec25 MDM9x07 A
t "and those of an RM520N, with 4 KiB pages" one_tree_two_ways rm520n SDX62 B
finish
