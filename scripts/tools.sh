#!/usr/bin/env bash
# Installs what building needs and names what it cannot install. Less than a second when all is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rust_minimum=95 # minor version: 1.95
node_minimum=20
cargo_leptos_version=0.3.10
# The same as the crate's in Cargo.toml, or the generated glue does not fit.
wasm_bindgen_version="$(sed -n 's/^wasm-bindgen = "=\(.*\)"$/\1/p' Cargo.toml)"

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

if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $wasm_bindgen_version" ]; then
    install_rust_tool wasm-bindgen-cli "$wasm_bindgen_version"
fi
if [ "$(cargo leptos --version 2>/dev/null)" != "cargo-leptos $cargo_leptos_version" ]; then
    # Unoptimised it is built in half the time, and most of its work is done by cargo and rustc anyway. What it
    # does itself is compress the site, so that part alone is optimised.
    install_rust_tool cargo-leptos "$cargo_leptos_version" --debug \
        --config 'profile.dev.debug=false' \
        --config 'profile.dev.package.brotli.opt-level=3' \
        --config 'profile.dev.package.libflate.opt-level=3'
fi

# wasm-opt: cargo-leptos would try to download it.
npm_install "$root/scripts/tools"
