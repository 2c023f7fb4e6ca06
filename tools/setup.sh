#!/bin/sh
# Create the virtual environment and install the hashed lock; a no-op while lock, pyproject and interpreter stay as they are.
# Usage: PYTHON=python3.11 setup.sh VENV LOCK STAMP
set -eu
venv=$1 lock=$2 stamp=$3

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "setup: Python 3.11 or newer is needed; '${PYTHON:-python3}' is not; install it or run make PYTHON=/path/to/python3.11" >&2
    exit 1
}
wanted=$("$PYTHON" -c '
import hashlib, os, sys
digest = hashlib.sha256(f"{sys.version} {os.getcwd()}".encode())
for path in sys.argv[1:]:
    digest.update(open(path, "rb").read())
print(digest.hexdigest())' "$lock" pyproject.toml)
if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi
echo "setup: installing the locked dependencies into $venv (once; a minute or two)"
rm -f "$stamp"
[ -x "$venv/bin/python" ] || "$PYTHON" -m venv "$venv"
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes --no-deps -r "$lock"
# Only our own package comes without a hash: it is the checkout itself, built with the locked backend.
$pip install --no-deps --no-build-isolation --no-index --editable .
printf '%s\n' "$wanted" > "$stamp"
echo "setup: done"
