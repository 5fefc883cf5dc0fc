# Sourced by test.sh: a PostgreSQL and a Redis of their own for one run of the tests, on loopback, gone afterwards.
# shellcheck shell=bash

servers_dir=''
server_pids=()

free_port() {
    node -e 'const s = require("net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# False for a process that has ended but was not waited for yet: `kill -0` cannot tell.
is_running() {
    local state
    state="$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" || {
        [ ! -d /proc/self ] && kill -0 "$1" 2>/dev/null
        return
    }
    [ -n "$state" ] && [ "$state" != Z ]
}

make_servers_dir() {
    [ -n "$servers_dir" ] && return
    servers_dir="$(mktemp -d "${TMPDIR:-/tmp}/console-test.XXXXXX")"
    # The user that PostgreSQL runs as must be able to reach its folder in here.
    chmod 755 "$servers_dir"
}

# Where initdb and postgres are; Debian keeps them off PATH.
find_pg_bindir() {
    local dir
    if has pg_config; then
        dir="$(pg_config --bindir)"
        [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && echo "$dir" && return
    fi
    if has initdb && has postgres; then
        dirname "$(readlink -f "$(command -v initdb)")"
        return
    fi
    for dir in $(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin 2>/dev/null | sort -rV); do
        [ -x "$dir/initdb" ] && echo "$dir" && return
    done
}

# Runs the rest of the line as TEST_PG_USER, when that is somebody else. `exec` all the way, so that the process
# that is started is the one that is stopped.
as_pg_user() {
    if [ "$(id -un)" = "$TEST_PG_USER" ]; then
        exec "$@"
    fi
    exec setpriv --reuid="$TEST_PG_USER" --regid="$(id -g "$TEST_PG_USER")" --init-groups "$@"
}

start_postgres() {
    make_servers_dir
    local data="$servers_dir/postgres" port pid
    port="$(free_port)"
    mkdir "$data"
    chown "$TEST_PG_USER" "$data"
    (cd "$data" && as_pg_user "$TEST_PG_BINDIR/initdb" --pgdata="$data" --username=console --auth=trust \
        --encoding=UTF8 --locale=C --no-sync --no-instructions) >"$servers_dir/initdb.log" 2>&1 || {
        cat "$servers_dir/initdb.log"
        fail "initdb failed"
    }
    (cd "$data" && as_pg_user "$TEST_PG_BINDIR/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c shared_buffers=32MB -c max_connections=300 -c fsync=off) >"$servers_dir/postgres.log" 2>&1 &
    pid=$!
    server_pids+=("$pid")
    for _ in $(seq 100); do
        if "$TEST_PG_BINDIR/pg_isready" --quiet --host=127.0.0.1 --port="$port" --username=console; then
            export TEST_DATABASE_URL="postgres://console@127.0.0.1:$port/postgres"
            return
        fi
        is_running "$pid" || break
        sleep 0.1
    done
    cat "$servers_dir/postgres.log"
    fail "PostgreSQL did not start"
}

start_redis() {
    make_servers_dir
    local port pid
    port="$(free_port)"
    mkdir "$servers_dir/redis"
    redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$servers_dir/redis" \
        >"$servers_dir/redis.log" 2>&1 &
    pid=$!
    server_pids+=("$pid")
    for _ in $(seq 100); do
        if [ "$(redis-cli -h 127.0.0.1 -p "$port" ping 2>/dev/null)" = PONG ]; then
            export TEST_REDIS_URL="redis://127.0.0.1:$port/0"
            return
        fi
        is_running "$pid" || break
        sleep 0.1
    done
    cat "$servers_dir/redis.log"
    fail "Redis did not start"
}

# Ends each server at once, since nobody needs its data: on QUIT PostgreSQL's processes leave without a checkpoint;
# Redis, which knows no QUIT, ends on TERM. What is left after ten seconds is killed. Never fails: a folder that can't
# be cleaned up is no failed test.
stop_servers() {
    local pid
    for pid in ${server_pids[*]-}; do
        kill -QUIT "$pid" 2>/dev/null || true
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in ${server_pids[*]-}; do
        for _ in $(seq 100); do
            is_running "$pid" || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    server_pids=()
    # A process that was killed can leave children that write a moment longer.
    for _ in $(seq 50); do
        [ -n "$servers_dir" ] && ! rm -rf "$servers_dir" 2>/dev/null || break
        sleep 0.1
    done
    [ ! -d "$servers_dir" ] || echo "left behind: $servers_dir" >&2
    servers_dir=''
}
