#!/usr/bin/env bash
# `make dev`: a development build that follows every change of the sources.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/tools.sh
exec cargo leptos watch
