-- The extensions of Vigil's database, by psql as a superuser.
\set ON_ERROR_STOP on
set client_min_messages = 'warning';
select format('create extension if not exists %I', name)
from pg_available_extensions
where name in ('vector', 'timescaledb')
order by name
\gexec
