#!/bin/sh
# Run once by the PostGIS image when it has made its database: our roles, with the password of the compose file.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d gridsvc -f /roles.sql
for role in gridsvc_owner gridsvc_app gridsvc_viewer; do
    echo "alter role $role password :'password'" |
        psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" -U postgres -d gridsvc
done
