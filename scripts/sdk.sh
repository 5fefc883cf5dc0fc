#!/usr/bin/env bash
# Installs what the journeys with real SDKs start: OpenTelemetry for Python and for Node.js. Less than a second when all
# is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

python_minimum=10 # minor version: 3.10

if has_venv; then
    python_minor="$(python3 -c 'import sys; print(sys.version_info.minor)')"
    [ "$python_minor" -ge "$python_minimum" ] ||
        fail "Python 3.$python_minimum or later is needed, this is $(python3 --version)"
fi
# Wheels only: nothing is compiled, and nothing of a package is run to install it.
python_install "$root/.tools/sdk" "$root/end2end/sdk/python/requirements.txt" --require-hashes --only-binary :all:
npm_install "$root/end2end/sdk/node"
