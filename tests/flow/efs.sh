#!/bin/sh
# efs ls, tree, stat, df, get, put, rm, mkdir, sync.
. "${top_srcdir:-.}/tests/flow/lib.sh"

looks() {
	fake_diag "$@"
	run 0 efs ls / $P
	says 'dir .*policyman'
	says 'link .*link'
	run 0 efs ls /policyman $P --json
	json '[(x["name"], x["type"], x["size"]) for x in d["result"]["entries"]] == [("carrier_policy.xml", "file", 2500), ("device_config.xml", "file", 10)]'
	run 0 efs ls /nvm/num/453 $P
	says 'item +160777 +1 '
	run 0 efs ls /empty $P
	says 'empty'
	run 0 efs tree /nv $P --json
	json '"/nv/item_files/rfnv/00020007" in [x["path"] for x in d["result"]["entries"]]'
	run 0 efs stat /link $P
	says 'target: +/target'
	run 0 efs stat /nvm/num/550 $P --json
	json 'd["result"]["type"] == "item" and d["result"]["size"] == 9'
	run 0 efs df $P
	says 'EFS2'
	run 0 efs sync $P --json
	json 'd["result"]["sync"] == "done"'
}

missing_and_refused_are_failures() {
	fake_diag no-list=/nvm/num deny=/policyman
	run 12 efs ls /none $P
	run 12 efs stat /none $P
	run 12 efs get /none -o "$W/x" $P
	[ ! -e "$W/x" ] || fail "a file was made"
	run 12 efs ls /nvm/num $P
	run 12 efs ls /policyman $P
	run 9 efs tree / $P
	errs "folder '/nvm/num'"
	says '/nv/item_files/modem/setting'
	run 2 efs ls relative $P
	run 2 efs ls /nv/../x $P
	run 2 efs stat $P
	run 2 efs get / $P
	fake_diag no-efs
	run 5 efs ls / $P
	errs 'no access to its file system'
}

files_come_out_whole() {
	fake_diag
	run 0 efs get /policyman/carrier_policy.xml -o "$W/a" $P
	run 0 efs get /policyman/carrier_policy.xml -o - $P
	same "$W/a" "$W/out"
	[ "$(wc -c <"$W/a")" = 2500 ] || fail "size"
	run 1 efs get /policyman/carrier_policy.xml -o "$W/a" $P
	errs 'exist'
	mkdir "$W/in"
	run 0 efs get /nvm/num/453 -o "$W/in" $P
	[ "$(wc -c <"$W/in/453")" = 1 ] || fail "item"
	run 2 efs get /nv -o - $P
}

a_folder_comes_out_whole_with_hidden_files() {
	fake_diag
	run 0 efs get / -o "$W/all" $P --json
	json 'd["result"]["hidden"] == 1 and d["result"]["gaps"] == []'
	[ "$(od -An -tx1 "$W/all/nv/item_files/ims/IMS_enable")" = " 01" ] || fail "the hidden file is missing"
	[ "$(ls "$W/all/nv/item_files/rfnv" | wc -l)" = 12 ] || fail "calibration is not complete"
	[ -d "$W/all/empty" ] || fail "an empty folder is missing"
	[ "$(wc -c <"$W/all/nvm/context1/550")" = 9 ] || fail "second SIM"
	run 1 efs get / -o "$W/all" $P
	run 0 efs get /policyman -o "$W/p" $P
	same "$W/p/carrier_policy.xml" "$W/all/policyman/carrier_policy.xml"
	fake_diag no-list=/policyman
	run 9 efs get / -o "$W/part" $P
	errs 'folder /policyman'
	# Its known files were asked for by name.
	same "$W/part/policyman/carrier_policy.xml" "$W/all/policyman/carrier_policy.xml"
}

put_and_get_are_equal() {
	fake_diag "$@"
	head -c 5000 /dev/urandom >"$W/big"
	head -c 900 /dev/urandom >"$W/small"
	head -c 1900 /dev/urandom >"$W/item"
	: >"$W/zero"
	run 0 efs put "$W/big" /policyman/new/deep.bin --yes $P
	says 'written and read back'
	run 0 efs put "$W/small" /nv/item_files/new/item --yes $P
	run 0 efs put "$W/item" /nv/item_files/new/large --yes $P
	run 0 efs put "$W/zero" /zero --yes $P
	run 0 efs get /policyman/new/deep.bin -o "$W/1" $P
	same "$W/1" "$W/big"
	run 0 efs get /nv/item_files/new/item -o "$W/2" $P
	same "$W/2" "$W/small"
	run 0 efs get /nv/item_files/new/large -o "$W/3" $P
	same "$W/3" "$W/item"
	run 0 efs stat /nv/item_files/new/large $P
	says 'type: +item'
	run 0 efs stat /policyman/new/deep.bin $P
	says 'type: +file'
	run 0 efs put "$W/small" /policyman/carrier_policy.xml --save "$W/old" --yes $P
	[ "$(wc -c <"$W/old")" = 2500 ] || fail "the old content was not kept"
	run 0 efs put "$W/small" /policyman/carrier_policy.xml --yes $P
	says 'as it was'
	run 0 efs mkdir /a/b/c /d --yes $P
	run 0 efs stat /a/b/c $P
	run 0 efs rm /policyman/new/deep.bin /a/b/c --yes $P
	run 12 efs stat /policyman/new/deep.bin $P
	same "$(ls "$W"/state/salvor/saved/*deep*)" "$W/big"
}

what_must_not_be_written_is_not() {
	fake_diag
	printf '\010\112\011\121\044\060\062\127\202' >"$W/imei"
	for path in /nvm/num/550 /nvm/context1/550 //nvm//num/550 /nv/item_files/nv/550 \
		/nv/item_files/modem/mmode/ue_imei /nvm/num/85; do
		run 7 efs put "$W/imei" "$path" --yes $P
	done
	run 7 efs rm /nvm/num/550 --yes $P
	run 5 efs put "$W/imei" /nvm/num/453 --yes $P
	errs 'deletes it when the length is wrong'
	run 5 efs put "$W/imei" /policyman --yes $P
	run 5 efs put "$W/imei" /link --yes $P
	run 5 efs put "$W/imei" /nvm/num/453 --type file --yes $P
	run 5 efs rm /nv --yes $P
	errs 'not empty'
	run 5 efs rm /none --yes $P
	run 5 efs put "$W/none" /x --yes $P
	run 2 efs put "$W/imei" /policyman/ --yes $P
	run 2 efs rm / --yes $P
	run 7 efs rm /policyman/device_config.xml $P
	run 0 efs rm /policyman/device_config.xml --dry-run $P
	run 2 efs rm /a /b --save "$W/s" --yes $P
	run 0 efs get /policyman/device_config.xml -o - $P
	run 0 nv read 550 --full $P
	says 490154203237518
}

a_liar_is_found() {
	fake_diag lie
	printf x >"$W/x"
	run 8 efs put "$W/x" /nv/item_files/modem/setting --yes $P
	errs "put back .*efs put '.*bin' '/nv/item_files/modem/setting'"
}

t "ls, tree, stat, df and sync" looks
t "and with logs between the answers" looks logs
t "missing and refused places are failures" missing_and_refused_are_failures
t "files come out whole, or not at all" files_come_out_whole
t "a folder comes out whole, hidden files too" a_folder_comes_out_whole_with_hidden_files
t "what was put in comes out equal" put_and_get_are_equal
t "identity, wrong lengths, folders and links are not overwritten" what_must_not_be_written_is_not
t "a module that accepts and does not write is found" a_liar_is_found
finish
