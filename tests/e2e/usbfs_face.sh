#!/bin/sh
d=${top_builddir:-.}/tests/e2e
if ! test -x "$d/usbfs-echo"; then
	echo "1..0 # SKIP built without umockdev"
	exit 0
fi
exec "$d/usbfs-echo" --model dump --state . -- "$d/usb-client"
