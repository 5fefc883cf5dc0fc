#!/usr/bin/env bash
# `make run`: what is missing is installed, what has changed is built, then Console serves.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/tools.sh
scripts/build.sh
exec "$server_binary" serve
