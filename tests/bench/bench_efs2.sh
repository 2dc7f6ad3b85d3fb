#!/bin/sh
# Listing and extracting an EFS2 image, from a file, with the library alone.
exec "$top_builddir/tests/bench/bench-efs2"
