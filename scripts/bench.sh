#!/usr/bin/env bash
# `make bench`: measures the budgets against the release build and prints each beside its figure.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/tools.sh
scripts/build.sh
# A trace is opened in a browser, where there is one.
CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}"
if [ -n "$CHROMIUM" ]; then
    npm_install "$root/end2end"
fi
export CHROMIUM
export BENCH_BINARY="$server_binary"
exec cargo bench -p server --bench budgets
