#!/bin/bash
# The first process of the tests' MySQL image. It does what the official image's does, as far as that is documented:
# MYSQL_ROOT_PASSWORD, MYSQL_ROOT_HOST, MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD (each also as …_FILE),
# MYSQL_ALLOW_EMPTY_PASSWORD and the files of /docker-entrypoint-initdb.d, all of it once, while the data is new, by a
# server that listens on a socket alone.
set -eu

say() { echo "$(date -u +%FT%TZ) [Note] [Entrypoint]: $*"; }
fail() { echo "$(date -u +%FT%TZ) [ERROR] [Entrypoint]: $*" >&2; exit 1; }

secret() { # secret NAME [DEFAULT]: NAME from itself or from the file that NAME_FILE names
  local name=$1 file=$1_FILE value=${2:-}
  [ -z "${!name:-}" ] || [ -z "${!file:-}" ] || fail "Both $name and $file are set (but are exclusive)"
  if [ -n "${!name:-}" ]; then value=${!name}; elif [ -n "${!file:-}" ]; then value=$(< "${!file}"); fi
  export "$name=$value"
  unset "$file"
}

quoted() { local text=${1//\\/\\\\}; printf "'%s'" "${text//\'/\\\'}"; }

client() { mysql --no-defaults --protocol=socket --socket="$socket" --user=root --comments "$@"; }

run_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) say "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) say "running $file"; client ${MYSQL_DATABASE:+"$MYSQL_DATABASE"} < "$file" ;;
      *.sql.gz) say "running $file"; gunzip -c "$file" | client ${MYSQL_DATABASE:+"$MYSQL_DATABASE"} ;;
      *'*') ;;
      *) say "ignoring $file" ;;
    esac
  done
}

accounts() { # the database, root and the application's account, as SQL
  local root user
  root=$(quoted "$MYSQL_ROOT_PASSWORD") user=$(quoted "$MYSQL_USER")
  [ -z "$MYSQL_DATABASE" ] || echo "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;"
  if [ "$MYSQL_ROOT_HOST" != localhost ]; then
    echo "CREATE USER 'root'@$(quoted "$MYSQL_ROOT_HOST") IDENTIFIED BY $root;"
    echo "GRANT ALL ON *.* TO 'root'@$(quoted "$MYSQL_ROOT_HOST") WITH GRANT OPTION;"
  fi
  if [ -n "$MYSQL_USER" ] && [ -n "$MYSQL_PASSWORD" ]; then
    echo "CREATE USER $user@'%' IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");"
    [ -z "$MYSQL_DATABASE" ] || echo "GRANT ALL ON \`${MYSQL_DATABASE//_/\\_}\`.* TO $user@'%';"
  fi
  echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $root;"
}

first_time() {
  [ -n "$MYSQL_ROOT_PASSWORD" ] || [ -n "${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ] ||
    fail "Database is uninitialized and password option is not specified
    You need to specify one of the following as an environment variable:
    - MYSQL_ROOT_PASSWORD
    - MYSQL_ALLOW_EMPTY_PASSWORD"
  [ "$MYSQL_USER" != root ] || fail "MYSQL_USER=\"root\" is no use, root is there: remove it"
  cp --recursive --sparse=always /usr/share/mysql-template/. "$data" # --archive would fail where the directory is not ours
  "$@" --skip-networking --socket="$socket" --mysqlx=OFF --pid-file="$socket.pid" &
  local server=$! turns=0
  until client --execute 'SELECT 1' > /dev/null 2>&1; do
    [ $((turns += 1)) -lt 600 ] && kill -0 $server 2> /dev/null || fail "Unable to start server."
    sleep 0.1
  done
  accounts | client
  export MYSQL_PWD=$MYSQL_ROOT_PASSWORD
  run_files
  unset MYSQL_PWD
  kill $server
  wait $server || fail "Unable to shut down server."
  say "MySQL init process done. Ready for start up."
}

case ${1:-} in -*) set -- mysqld "$@" ;; esac
if [ "${1:-}" = mysqld ]; then
  data=/var/lib/mysql socket=/var/run/mysqld/mysqld.sock
  if [ "$(id -u)" = 0 ]; then
    chown mysql:mysql "$data" /var/run/mysqld
    exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
  fi
  secret MYSQL_ROOT_HOST %
  secret MYSQL_ROOT_PASSWORD
  secret MYSQL_DATABASE
  secret MYSQL_USER
  secret MYSQL_PASSWORD
  if [ ! -d "$data/mysql" ]; then first_time "$@"; fi
fi
exec "$@"
