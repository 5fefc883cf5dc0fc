#!/usr/bin/env bash
# Builds the server and the site for release, unless what is there was built from what is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

stamp="$target_dir/release/console.stamp"
sources=(
    Cargo.toml Cargo.lock rust-toolchain.toml
    app server frontend style public migrations
    scripts/build.sh scripts/site.mjs scripts/site scripts/tools.sh scripts/tools/package-lock.json
)
[ -d .cargo ] && sources+=(.cargo)

# True when the stamp is newer than every source and every product is still the one that it was written for: a
# development build replaces the site, another cargo call may replace the binary. Folders count as sources too, as
# their time changes when a file in them is removed or renamed.
is_up_to_date() {
    [ -f "$stamp" ] || return 1
    [ -z "$(find "${sources[@]}" -newer "$stamp" -print -quit)" ] || return 1
    sha256sum --check --status "$stamp" 2>/dev/null
}

# One at a time: who comes second most often finds the work done.
mkdir -p "$target_dir/release"
if has flock; then
    exec 9>"$target_dir/release/console.lock"
    flock 9
fi
if is_up_to_date; then
    exit 0
fi

say "Release build"
# What is edited while the build runs must count as newer than the build.
touch "$stamp.begun"
# Two builds at once write lines, not bars over each other.
export CARGO_TERM_PROGRESS_WHEN=never

build_server() {
    exec cargo build --release -p server --bin console --no-default-features --features split
}

# What the browser loads. Pages beyond the first come in files of their own, which the linker's relocations make
# possible. A development build makes one file: that is quicker.
build_site() {
    CARGO_TARGET_DIR="$target_dir/tools" cargo build --profile tool -p site
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--cfg erase_components -Clink-args=--emit-relocs" \
        cargo build --profile wasm-release -p frontend --lib --features split \
        --target wasm32-unknown-unknown --target-dir "$target_dir/front"
    node scripts/site.mjs "$target_dir/front/wasm32-unknown-unknown/wasm-release/frontend.wasm" \
        "$target_dir/tools/tool/site" "$target_dir/release/hash.txt"
}

# Each would win over the flags of .cargo/config.toml and of the site.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS JEMALLOC_SYS_WITH_MALLOC_CONF

# One core is often idle in either, so both run at once, each as a process group that ends as a whole. The lock is not
# theirs to hold.
set -m
build_server 9>&- &
server_build=$!
build_site 9>&- &
site_build=$!
set +m
stop_builds() {
    kill -- "-$server_build" "-$site_build" 2>/dev/null || true
}
trap 'stop_builds; exit 130' INT TERM
wait "$site_build" || {
    stop_builds
    fail "the site was not built, see above"
}
wait "$server_build" || fail "the server was not built, see above"
find "$server_binary" "$target_dir/release/hash.txt" target/site -type f -exec sha256sum {} + >"$stamp.new"
touch -r "$stamp.begun" "$stamp.new"
mv "$stamp.new" "$stamp"
rm -f "$stamp.begun"
