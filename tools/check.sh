#!/bin/sh
# Every static check, all of them even when one fails; exit 1 when any failed. Usage: BIN=.venv/bin check.sh
set -u
failed=""

run() {
    name=$1
    shift
    echo "== $name"
    "$@" || failed="$failed $name"
}

existing=""
for folder in src tests tools benchmarks; do
    [ -d "$folder" ] && existing="$existing $folder"
done

# shellcheck disable=SC2086 - the folder names hold no spaces
run ruff "$BIN/ruff" check --quiet $existing
# shellcheck disable=SC2086
run format "$BIN/ruff" format --check --quiet $existing
# shellcheck disable=SC2086
run mypy "$BIN/mypy" --no-error-summary $existing
run imports "$BIN/lint-imports"
# shellcheck disable=SC2086
run sizes "$BIN/python" tools/size_ratchet.py $existing
run audit "$BIN/python" tools/audit.py requirements/runtime.txt requirements/dev.txt

if [ -n "$failed" ]; then
    echo "check: failed:$failed"
    exit 1
fi
echo "check: all passed"
