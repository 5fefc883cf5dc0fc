#!/usr/bin/env bash
# Installs what building needs and names what it cannot install. Less than a second when all is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rust_minimum=95 # minor version: 1.95
node_minimum=20

require() {
    local program="$1" what="$2" how="$3"
    has "$program" || fail "$what is missing. Install it with:
    $how
then run this command again."
}

c_compiler="${CC:-cc}"
require "${c_compiler%% *}" "A C compiler" \
    "apt-get install build-essential    (Debian, Ubuntu; xcode-select --install on macOS)"
require rustup "Rust" "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
node_install="curl -fsSL https://deb.nodesource.com/setup_22.x | bash - && apt-get install -y nodejs
    (Debian, Ubuntu, as root; brew install node on macOS; other systems: https://nodejs.org/en/download)"
require node "Node.js $node_minimum or later" "$node_install"
require npm "npm" "$node_install"

node_major="$(node -p 'process.versions.node.split(".")[0]')"
[ "$node_major" -ge "$node_minimum" ] ||
    fail "Node.js $node_minimum or later is needed, this is $(node --version). Install it with:
    $node_install"

# rustup may be set not to install what rust-toolchain.toml asks for by itself.
if ! rustc --version >/dev/null 2>&1; then
    say "Rust toolchain"
    rustup toolchain install stable --profile minimal --component rustfmt --component clippy
fi
rust_minor="$(rustc --version | cut -d. -f2)"
[ "$rust_minor" -ge "$rust_minimum" ] ||
    fail "Rust 1.$rust_minimum or later is needed, this is $(rustc --version). Update it with:
    rustup update stable"
has_target="$(rustup target list --installed | grep -x wasm32-unknown-unknown || true)"
if [ -z "$has_target" ]; then
    say "Rust target wasm32-unknown-unknown"
    rustup target add wasm32-unknown-unknown
fi
if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    say "rustfmt and clippy"
    rustup component add rustfmt clippy
fi

npm_install "$root/scripts/tools"
