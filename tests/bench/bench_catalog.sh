#!/bin/sh
# What a person waits for with 10,000 modules and 100,000 snapshots.
exec "$top_builddir/tests/bench/bench-catalog"
