#!/bin/sh
# Makes an empty database on PostgreSQL, and its two accounts: the owner of the tables, as
# whom only migrations and restores run, and the portal's account, which cannot change or
# empty the audit trail (docs/administration.md). Run it once as the server's superuser:
#   OWNER_PASSWORD=… PORTAL_PASSWORD=… sh deploy/database-roles.sh
# The image of PostgreSQL runs it from /docker-entrypoint-initdb.d.
set -eu
export PORTAL_DATABASE="${PORTAL_DATABASE:-acrportal}"
psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --no-psqlrc --quiet \
  --set ON_ERROR_STOP=1 <<'SQL'
\getenv database PORTAL_DATABASE
\getenv owner_password OWNER_PASSWORD
\getenv portal_password PORTAL_PASSWORD
\set owner :database _owner
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
CREATE ROLE :"database" LOGIN PASSWORD :'portal_password';
CREATE DATABASE :"database" OWNER :"owner";
\connect :"database"
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO :"owner";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"database";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
  GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO :"database";
SQL
