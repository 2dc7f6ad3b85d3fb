#!/bin/sh
# Round trips and seconds of reading a module over DIAG.
exec "${top_builddir:=.}/tests/bench/bench-diag"
