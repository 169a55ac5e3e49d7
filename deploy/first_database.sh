#!/bin/sh
# Run once by Patroni when it has made the first server, with the address of that server: the database and its roles.
set -eu
server=$1
psql -v ON_ERROR_STOP=1 "$server" -c "create database gridsvc"
base=$(echo "$server" | sed -e 's#/postgres\b#/gridsvc#' -e 's#dbname=postgres#dbname=gridsvc#')
psql -v ON_ERROR_STOP=1 "$base" -f "${GRIDSVC_ROLES:?the file roles.sql}"
for role in owner app viewer; do
    name="GRIDSVC_$(echo "$role" | tr '[:lower:]' '[:upper:]')_PASSWORD"
    eval "password=\${$name:?choose one}"
    echo "alter role gridsvc_$role password :'password'" | psql -v ON_ERROR_STOP=1 -v password="$password" "$base"
done
