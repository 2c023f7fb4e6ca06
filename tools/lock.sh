#!/bin/sh
# Resolve pyproject.toml into requirements/*.txt with hashes, for every platform, without naming an index. Usage: BIN=.venv/bin lock.sh
set -eu
compile="$BIN/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate"
$compile --output-file requirements/runtime.txt "$@"
$compile --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt "$@"
if grep -n '://' requirements/*.txt; then
    echo "lock: an address got into the lock (lines above); resolve without it" >&2
    exit 1
fi
