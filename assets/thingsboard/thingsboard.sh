#!/bin/sh
# ThingsBoard CE for obiscope on this machine: start, stop, status, logs, reset. README.md beside it tells the rest.
# The rule: keys and passwords are made here, are readable by you alone, and stand in no argument.
set -eu
umask 077

usage() {
    cat <<'END'
usage: thingsboard.sh start [NAME…] | stop | status | logs [SERVICE] | reset [--yes]

  start    certificates, password and database on the first run, then everything; waits until it answers.
           NAME…: names or addresses under which other machines reach this one; they go into the certificate
  stop     stop everything, keep all data
  status   what runs, where it answers, until when the certificate holds
  logs     follow the logs, of one service (thingsboard, kafka, postgres) or of all
  reset    delete all data, the password and the certificates; asks first

.env (made by the first start) may hold: TB_BIND (127.0.0.1: this machine only; 0.0.0.0: everyone),
TB_HTTPS_PORT (8443), TB_MQTTS_PORT (8883), TB_NO_DATA_SECONDS (600). TB_WAIT (900): seconds start waits at most.
END
}

say() { printf '%s\n' "$*"; }
fail() {
    printf 'thingsboard.sh: %s\n' "$*" >&2
    exit 2
}
has() { command -v "$1" >/dev/null 2>&1; }

# --- What runs the containers ------------------------------------------------------------------------------------

engine=
find_engine() {
    if has docker && docker compose version >/dev/null 2>&1; then
        engine=docker
    elif has podman && podman compose version >/dev/null 2>&1; then
        engine=podman
    elif has podman && has podman-compose; then
        engine=podman-compose
    elif has docker; then
        fail "docker is here, but not its compose plugin (docker compose): install docker-compose-plugin or docker-compose-v2"
    elif has podman; then
        fail "podman is here, but nothing that reads compose files: install podman-compose"
    else
        fail "no container engine found: install Docker with its compose plugin, or Podman with podman-compose"
    fi
    case $engine in
    docker)
        docker info >/dev/null 2>&1 ||
            fail "docker is here, but its daemon does not answer: is it running (systemctl start docker), and may you use it (group docker)?"
        ;;
    *)
        podman info >/dev/null 2>&1 || fail "podman is here, but \`podman info\` fails: try it to see why"
        ;;
    esac
}

compose() {
    case $engine in
    docker) docker compose -f compose.yaml "$@" ;;
    podman) podman compose -f compose.yaml "$@" ;;
    podman-compose) podman-compose -f compose.yaml "$@" ;;
    esac
}

# --- What is kept beside this script -----------------------------------------------------------------------------

# A value of .env, or what is given.
setting() {
    value=
    if [ -f .env ]; then value=$(sed -n "s/^$1=//p" .env | tail -n 1); fi
    printf '%s' "${value:-$2}"
}

# Sets a value of .env; never through an argument list, where every user of this machine could read it.
keep() {
    {
        if [ -f .env ]; then grep -v "^$1=" .env || true; fi
        printf '%s=%s\n' "$1" "$2"
    } >.env.new
    chmod 600 .env.new
    mv .env.new .env
}

make_settings() {
    if [ -z "$(setting TB_DB_PASSWORD '')" ]; then
        password=$(openssl rand -hex 24)
        keep TB_DB_PASSWORD "$password"
        say "made .env with a random database password"
    fi
    if [ -z "$(setting TB_BIND '')" ]; then keep TB_BIND 127.0.0.1; fi
    if [ $# -gt 0 ] || [ -z "$(setting TB_NAMES '')" ]; then
        names=localhost,127.0.0.1,::1
        here=$(uname -n)
        case $here in
        '' | *[!A-Za-z0-9.-]*) here=localhost ;;
        esac
        for name in "$here" "$@"; do
            case $name in
            '' | *[!A-Za-z0-9.:-]*) fail "$name is neither a host name nor an address" ;;
            esac
            case ,$names, in
            *",$name,"*) ;;
            *) names=$names,$name ;;
            esac
        done
        keep TB_NAMES "$names"
    fi
}

alternative_names() {
    echo "$1" | tr ',' '\n' | while read -r name; do
        case $name in
        *:*) say "IP:$name" ;;
        *[!0-9.]*) say "DNS:$name" ;;
        *) say "IP:$name" ;;
        esac
    done | paste -s -d, -
}

# A configuration of our own: what the system's openssl.cnf adds differs from machine to machine.
openssl_config() {
    cat <<END
[req]
prompt = no
distinguished_name = $1
[authority]
O = obiscope
CN = obiscope ThingsBoard CA $3
[host]
O = obiscope
CN = ThingsBoard
[authority_extensions]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[host_extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $2
END
}

renewed=no
make_certificates() {
    mkdir -p tls/authority tls/server
    names=$(setting TB_NAMES localhost)
    serial=$(openssl rand -hex 4)
    if [ ! -s tls/ca.pem ] || [ ! -s tls/authority/ca_key.pem ]; then
        openssl_config authority DNS:localhost "$serial" >tls/authority/openssl.cnf
        openssl req -x509 -new -newkey rsa:3072 -nodes -sha256 -days 3650 -config tls/authority/openssl.cnf \
            -extensions authority_extensions -keyout tls/authority/ca_key.pem -out tls/ca.pem 2>tls/authority/log ||
            fail "openssl could not make a CA: $(cat tls/authority/log)"
        rm -f tls/server/server.pem
        say "made a private CA: tls/ca.pem (its key in tls/authority is for this machine alone)"
    fi
    if [ -s tls/server/server.pem ] && [ -s tls/server/server_key.pem ] &&
        [ "$(cat tls/authority/names 2>/dev/null)" = "$names" ] &&
        openssl x509 -in tls/server/server.pem -noout -checkend 2592000 >/dev/null 2>&1; then
        return 0
    fi
    openssl_config host "$(alternative_names "$names")" "$serial" >tls/authority/openssl.cnf
    if ! {
        openssl req -new -newkey rsa:3072 -nodes -sha256 -config tls/authority/openssl.cnf \
            -keyout tls/server/server_key.pem -out tls/authority/request.pem &&
            openssl x509 -req -sha256 -days 800 -in tls/authority/request.pem -CA tls/ca.pem \
                -CAkey tls/authority/ca_key.pem -set_serial "0x$(openssl rand -hex 15)" \
                -extfile tls/authority/openssl.cnf -extensions host_extensions -out tls/authority/server.pem
    } 2>tls/authority/log; then
        fail "openssl could not make a server certificate: $(cat tls/authority/log)"
    fi
    cat tls/authority/server.pem tls/ca.pem >tls/server/server.pem
    printf '%s\n' "$names" >tls/authority/names
    chmod 600 tls/ca.pem tls/authority/* tls/server/*
    renewed=yes
    say "made a server certificate for $names"
}

# --- Is it there? ------------------------------------------------------------------------------------------------

where() {
    bind=$(setting TB_BIND 127.0.0.1)
    if [ "$bind" = 0.0.0.0 ]; then bind=127.0.0.1; fi
    printf '%s:%s' "$bind" "$1"
}

# A TLS handshake with our own certificate, not a mere open port.
answers() {
    set -- openssl s_client -connect "$(where "$1")" -CAfile tls/ca.pem -verify_return_error
    if has timeout; then set -- timeout 10 "$@"; fi
    "$@" </dev/null >/dev/null 2>&1
}

wait_until_there() {
    most=${TB_WAIT:-900}
    waited=0
    until answers "$(setting TB_HTTPS_PORT 8443)" && answers "$(setting TB_MQTTS_PORT 8883)"; do
        if [ "$waited" -ge "$most" ]; then
            say "still no answer after $most s; what runs:"
            compose ps || true
            fail "ThingsBoard does not answer; look at: ./thingsboard.sh logs thingsboard"
        fi
        if [ $((waited % 30)) -eq 0 ]; then say "waiting for ThingsBoard to answer ($waited of at most $most s)"; fi
        sleep 5
        waited=$((waited + 5))
    done
}

# The mark that the schema is whole lives in the database, so that it goes when the data goes.
query() { compose exec -T postgres psql -q -U thingsboard -d thingsboard -tAc "$1"; }

wait_for_database() {
    tries=0
    until query 'select 1' >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ]; then fail "PostgreSQL does not answer; look at: ./thingsboard.sh logs postgres"; fi
        sleep 2
    done
}

install_schema() {
    mark=$(query "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = 'thingsboard'")
    case $mark in
    *'obiscope: schema is whole'*) return 0 ;;
    esac
    tables=$(query "select count(*) from information_schema.tables where table_schema = 'public'")
    case $tables in
    0) ;;
    *) fail "the database was begun and not finished: ./thingsboard.sh reset, then start again" ;;
    esac
    say "making ThingsBoard's tables (once, a minute or two)"
    compose run --rm -e INSTALL_TB=true -e LOAD_DEMO=false thingsboard ||
        fail "ThingsBoard could not make its tables; what it said stands above. Then: ./thingsboard.sh reset, and start again"
    query "comment on database thingsboard is 'obiscope: schema is whole'" >/dev/null
    fresh=yes
}

addresses() {
    say "  web     https://localhost:$(setting TB_HTTPS_PORT 8443)  (trust $PWD/tls/ca.pem in your browser)"
    say "  MQTT    mqtts://localhost:$(setting TB_MQTTS_PORT 8883)  --ca $PWD/tls/ca.pem"
    say "  names   $(setting TB_NAMES localhost)"
    say "  open to $(setting TB_BIND 127.0.0.1)"
}

# --- Commands ----------------------------------------------------------------------------------------------------

start() {
    find_engine
    has openssl || fail "openssl not found: it makes the certificates and the password; install it"
    fresh=no
    make_settings "$@"
    make_certificates
    compose up -d postgres kafka
    wait_for_database
    compose run --rm --no-deps certificates
    install_schema
    compose up -d
    if [ "$renewed" = yes ] && [ "$fresh" = no ]; then compose restart thingsboard; fi
    wait_until_there
    say "ThingsBoard answers:"
    addresses
    if [ "$fresh" = yes ]; then
        say "next: log in as sysadmin@thingsboard.org, password sysadmin, and CHANGE THAT PASSWORD (README.md, step 2)"
    fi
}

begun() {
    if [ ! -f .env ]; then
        say "never started here; begin with: ./thingsboard.sh start"
        exit 1
    fi
}

status() {
    find_engine
    begun
    compose ps
    has openssl || fail "openssl not found: cannot see whether it answers"
    openssl x509 -in tls/server/server.pem -noout -enddate | sed 's/notAfter=/certificate holds until /'
    answered=0
    for port in "$(setting TB_HTTPS_PORT 8443)" "$(setting TB_MQTTS_PORT 8883)"; do
        if answers "$port"; then
            say "port $port answers with our certificate"
        else
            say "port $port does not answer"
            answered=1
        fi
    done
    addresses
    exit $answered
}

reset() {
    find_engine
    if [ "${1:-}" != --yes ]; then
        say "this deletes all devices, readings, dashboards and users, the database password and the certificates."
        printf 'type yes to go on: '
        read -r answer || answer=
        if [ "$answer" != yes ]; then fail "nothing was deleted"; fi
    fi
    # compose wants the password named even to remove what used it.
    if [ ! -f .env ]; then keep TB_DB_PASSWORD none; fi
    compose down --volumes
    rm -rf .env tls
    say "everything is gone; begin again with: ./thingsboard.sh start"
}

case $0 in
*/*) cd -- "${0%/*}" ;;
esac

command=${1:-}
if [ $# -gt 0 ]; then shift; fi
case $command in
start) start "$@" ;;
stop)
    find_engine
    begun
    compose down
    ;;
status) status ;;
logs)
    find_engine
    begun
    compose logs --tail 200 -f "$@"
    ;;
reset) reset "$@" ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
