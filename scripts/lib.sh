# Sourced by every script here: where things are, how to speak, how to give up.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root" || exit 1

# A relative CARGO_TARGET_DIR would mean another folder in every directory that cargo is called from.
target_dir="${CARGO_TARGET_DIR:-$root/target}"
case "$target_dir" in
    /*) ;;
    *) target_dir="$root/$target_dir" ;;
esac
export CARGO_TARGET_DIR="$target_dir"
server_binary="$target_dir/release/console"

# Tools of the versions that this repository needs stand before whatever else is installed.
cargo_bin="${CARGO_HOME:-$HOME/.cargo}/bin"
export PATH="$root/.tools/bin:$root/scripts/tools/node_modules/.bin:$PATH:$cargo_bin"

if [ -t 1 ]; then
    bold=$'\033[1m' red=$'\033[31m' plain=$'\033[0m'
else
    bold='' red='' plain=''
fi

say() {
    printf '%s==> %s%s\n' "$bold" "$*" "$plain"
}

fail() {
    printf '%serror: %s%s\n' "$red" "$*" "$plain" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# The packages of a lock file, unless they are installed already.
npm_install() {
    local dir="$1"
    if [ "$dir/node_modules/.package-lock.json" -nt "$dir/package-lock.json" ]; then
        return
    fi
    say "npm packages of ${dir#"$root"/}"
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix "$dir" --no-audit --no-fund
    # npm keeps the time of the lock file's copy as it likes; from here on it is newer.
    touch "$dir/node_modules/.package-lock.json"
}

# Whether python3 can make environments; Debian has that part in a package of its own.
has_venv() {
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1
}

# The packages of a requirements file in an environment of their own, unless they are there already:
# folder, file [pip arguments].
python_install() {
    local dir="$1" requirements="$2"
    shift 2
    # The interpreter that it was made with may have gone.
    if cmp -s "$requirements" "$dir/requirements.txt" && "$dir/bin/python" -c '' 2>/dev/null; then
        return
    fi
    has_venv || fail "Python 3 with its module venv is missing. Install it with:
    apt-get install python3-venv    (Debian, Ubuntu, as root; brew install python on macOS)"
    say "Python packages of ${requirements#"$root"/}"
    python3 -m venv --clear "$dir"
    "$dir/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" "$@"
    cp "$requirements" "$dir/requirements.txt"
}

# Installs a Rust program into .tools/, where it is in nobody's way: crate version [cargo install arguments].
install_rust_tool() {
    local crate="$1" version="$2"
    shift 2
    say "$crate $version, once; compiling it takes some minutes"
    if has cargo-binstall &&
        cargo binstall --no-confirm --disable-strategies compile --root "$root/.tools" "$crate@$version"; then
        return
    fi
    # The tool's own build directory: nothing that is built later can use it, so it does not stay.
    local build_dir
    build_dir="$(mktemp -d)"
    CARGO_TARGET_DIR="$build_dir" cargo install "$crate" --version "$version" --locked --force --root "$root/.tools" "$@"
    rm -rf "$build_dir"
}
