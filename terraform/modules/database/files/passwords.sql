-- The passwords of the three roles, from VIGIL_LOADER_PASSWORD and so on, by psql as a
-- superuser: roles.sql makes the roles.
\set ON_ERROR_STOP on
\getenv loader_password VIGIL_LOADER_PASSWORD
\getenv transformer_password VIGIL_TRANSFORMER_PASSWORD
\getenv reader_password VIGIL_READER_PASSWORD

begin;
-- No statement below reaches the server's log, where a password would be read.
set local log_statement = 'none';
set local log_min_duration_statement = -1;
set local log_min_error_statement = 'panic';
alter role vigil_loader password :'loader_password';
alter role vigil_transformer password :'transformer_password';
alter role vigil_reader password :'reader_password';
commit;
