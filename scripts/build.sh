#!/usr/bin/env bash
# Builds the server and the site for release, unless what is there was built from what is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

stamp="$target_dir/release/console.stamp"
sources=(
    Cargo.toml Cargo.lock rust-toolchain.toml
    app server frontend style public migrations
    scripts/build.sh scripts/tools.sh scripts/tools/package-lock.json
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
# Pages beyond the first come in files of their own. A development build makes one file: that is quicker.
cargo leptos build --release --precompress --split --lib-features split --bin-features split
find "$server_binary" "$target_dir/release/hash.txt" target/site -type f -exec sha256sum {} + >"$stamp.new"
touch -r "$stamp.begun" "$stamp.new"
mv "$stamp.new" "$stamp"
rm -f "$stamp.begun"
