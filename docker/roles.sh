#!/bin/sh
# Run once by the PostGIS image when it has made its database: our roles, each with its own password of the compose file.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d gridsvc -f /roles.sql
for role in owner app viewer; do
    name="GRIDSVC_$(echo "$role" | tr '[:lower:]' '[:upper:]')_PASSWORD"
    eval "password=\${$name:?choose one and export it}"
    echo "alter role gridsvc_$role password :'password'" |
        psql -v ON_ERROR_STOP=1 -v password="$password" -U postgres -d gridsvc
done
