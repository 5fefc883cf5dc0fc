#!/usr/bin/env bash
# `make dev`: a development build that follows every change of the sources.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cargo_leptos_version=0.3.10
# The same as the crate's in Cargo.toml, or the generated glue does not fit.
wasm_bindgen_version="$(sed -n 's/^wasm-bindgen = "=\(.*\)"$/\1/p' Cargo.toml)"

scripts/tools.sh
if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $wasm_bindgen_version" ]; then
    install_rust_tool wasm-bindgen-cli "$wasm_bindgen_version"
fi
if [ "$(cargo leptos --version 2>/dev/null)" != "cargo-leptos $cargo_leptos_version" ]; then
    # Unoptimised it is built in half the time, and most of its work is done by cargo and rustc anyway.
    install_rust_tool cargo-leptos "$cargo_leptos_version" --debug --config 'profile.dev.debug=false'
fi

exec cargo leptos watch
