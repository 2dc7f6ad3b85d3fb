#!/bin/sh
# demo.sh: shows salvor at work. SALVOR names the program.
set -eu
"${SALVOR:-salvor}" version
