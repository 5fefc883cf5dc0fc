#!/usr/bin/env bash
# Takes docs/overview.png, the README's picture, from the release build. Needs what `make test` installs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/tools.sh
scripts/build.sh
npm_install "$root/end2end"
cd end2end
exec npx playwright test --config picture.config.ts
