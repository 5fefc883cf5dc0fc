#!/usr/bin/env bash
# `make fuzz`: schemathesis reads the OpenAPI document and sends what fits it and what does not, once with a session and once with
# a key. No answer may be a 5xx, or one that the document does not know.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source scripts/servers.sh

examples="${FUZZ_EXAMPLES:-40}"
venv="$root/.tools/fuzz"

finish() {
    local code=$?
    trap - EXIT
    set +e
    stop_servers
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

scripts/tools.sh
scripts/build.sh
python_install "$venv" "$root/scripts/tools/requirements.txt"

make_servers_dir
port="$(free_port)"
address="http://127.0.0.1:$port"
email='fuzz@example.com'
password='kupferner Wasserhahn 3'
export CONSOLE_SERVER__ADDR="127.0.0.1:$port" CONSOLE_OTLP__GRPC_ADDR=off CONSOLE_OTLP__HTTP_ADDR=off CONSOLE_STORE__DATA_DIR="$servers_dir/data"
export CONSOLE_ADMIN_EMAIL="$email" CONSOLE_ADMIN_PASSWORD="$password"
export CONSOLE_DEMO__ENABLED=true CONSOLE_WEBHOOKS__GITLAB_SECRET='a secret of the fuzzer'
# Every request comes from one address: the limits are tested elsewhere.
export CONSOLE_AUTH__LOGINS_PER_ADDRESS=1000000 CONSOLE_AUTH__KEY_REQUESTS_PER_SECOND=1000000
"$server_binary" serve >"$servers_dir/console.log" 2>&1 &
server_pids+=("$!")
for _ in $(seq 100); do
    curl --silent --fail "$address/ready" >/dev/null && break
    sleep 0.1
done

cookie="$(curl --silent --fail --output /dev/null --dump-header - -H 'Content-Type: application/json' \
    --data "{\"email\":\"$email\",\"password\":\"$password\"}" "$address/api/v1/auth/login" |
    tr -d '\r' | sed -n 's/^set-cookie: \([^;]*\).*/\1/Ip')"
key="$("$server_binary" key add fuzz --read --ingest 2>/dev/null)"

# fuzz "as what" header: streams never end, and signing out would end the walk; both have tests of their own.
fuzz() {
    say "As $1"
    # What it remembers from run to run stays out of the way.
    (cd "$servers_dir" && "$venv/bin/schemathesis" run "$address/openapi.json" --header "$2" \
        --exclude-path-regex '/stream$|/auth/logout$' \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --max-examples "$examples" --seed 1 --request-timeout 10 --workers 2 --suppress-health-check all)
}

fuzz 'an administrator' "Cookie: $cookie"
fuzz 'a key' "X-API-Key: $key"
