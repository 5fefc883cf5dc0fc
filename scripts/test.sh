#!/usr/bin/env bash
# `make test`: everything that must pass. A missing engine is a failure, never a skip.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source scripts/servers.sh

started=$SECONDS
current=''

cargo_deny_version=0.20.2

finish() {
    local code=$?
    trap - EXIT
    # What is tidied up decides nothing: the code above is the result.
    set +e
    stop_servers
    if [ "$code" -eq 0 ]; then
        say "All tests passed in $((SECONDS - started)) s"
    else
        printf '%sTESTS FAILED after %s s, in: %s%s\n' "$red" "$((SECONDS - started))" "$current" "$plain" >&2
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# step "what it is" command…
step() {
    current="$1"
    shift
    local begun=$SECONDS
    say "$current"
    "$@"
    say "$current: $((SECONDS - begun)) s"
}

# The programs that only tests need. A server that is given by its address need not be installed.
install_test_tools() {
    local packages=()
    has chromium || [ -n "${CHROMIUM:-}" ] || packages+=(chromium)
    [ -n "$(find_pg_bindir)" ] || packages+=(postgresql)
    { has redis-server && has redis-cli; } || [ -n "${TEST_REDIS_URL:-}" ] || packages+=(redis-server)
    { has prometheus && has promtool; } || packages+=(prometheus)
    has prometheus-node-exporter || has node_exporter || packages+=(prometheus-node-exporter)
    has_venv || packages+=(python3-venv)
    if [ "${#packages[@]}" -gt 0 ]; then
        if ! has apt-get || [ "$(id -u)" -ne 0 ]; then
            fail "missing for the tests: ${packages[*]}. Install them with:
    sudo apt-get install ${packages[*]}    (Debian; brew install --cask chromium, brew install postgresql redis prometheus node_exporter python on macOS)
or say where they are: CHROMIUM=/path/to/chromium, TEST_REDIS_URL=redis://…"
        fi
        apt-get update
        # At run level 1 Debian's packages don't start their services: the tests start servers of their own.
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
    fi
    CHROMIUM="${CHROMIUM:-$(command -v chromium)}"
    TEST_PG_BINDIR="$(find_pg_bindir)"
    [ -n "$TEST_PG_BINDIR" ] || fail "PostgreSQL's initdb and postgres were not found"
    # PostgreSQL refuses to run as root.
    TEST_PG_USER="$(id -un)"
    if [ "$(id -u)" -eq 0 ]; then
        TEST_PG_USER=postgres
        id "$TEST_PG_USER" >/dev/null 2>&1 || TEST_PG_USER=nobody
    fi
    # Tests that stop and start an engine run one of their own with these.
    export CHROMIUM TEST_PG_BINDIR TEST_PG_USER
    npm_install "$root/end2end"
    scripts/sdk.sh
    if [ "$(cargo deny --version 2>/dev/null)" != "cargo-deny $cargo_deny_version" ]; then
        # Unoptimised it is built in half the time and still done in a second.
        install_rust_tool cargo-deny "$cargo_deny_version" --debug --config 'profile.dev.debug=false'
    fi
}

# Known vulnerabilities need a database that is fetched; without a way to it the rest is still checked, and it is said.
check_dependencies() {
    cargo deny --log-level error check bans licenses sources
    if cargo deny --log-level off fetch db >/dev/null 2>&1; then
        cargo deny --log-level error check --disable-fetch advisories
    else
        say "The database of known vulnerabilities cannot be reached: advisories were NOT checked"
    fi
}

start_servers() {
    [ -n "${TEST_DATABASE_URL:-}" ] || start_postgres
    [ -n "${TEST_REDIS_URL:-}" ] || start_redis
}

step "Tools for building" scripts/tools.sh
step "Tools for testing" install_test_tools
step "PostgreSQL and Redis" start_servers
step "Dependencies" check_dependencies
step "Format" cargo fmt --all --check
step "Clippy: app, server and site" cargo clippy -p app -p server -p site --all-targets -- -D warnings
step "Clippy: frontend" cargo clippy -p frontend --target wasm32-unknown-unknown -- -D warnings
# One call for both, so that what both depend on is built once with the same features.
step "Unit, store, HTTP and fault tests" cargo test -p app -p server
step "Release build" scripts/build.sh
step "Journeys: types" npm --prefix end2end run --silent check
step "Journeys" npm --prefix end2end run --silent test
