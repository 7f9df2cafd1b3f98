-- That the server's background jobs really run, by psql as a superuser in Vigil's database.
-- Some pairs of PostgreSQL and TimescaleDB start every job and let none succeed: retention,
-- refreshes and the columnstore would stand still, without an error in any build.
-- vigil.job_seconds is how long to wait, 60 unless it is set.
\set ON_ERROR_STOP on
set client_min_messages = 'warning';
create or replace procedure public.vigil_job_check(job_id integer, config jsonb)
language sql as 'select 1';

do $block$
declare
    check_id integer;
    ended record;
    problem text;
begin
    check_id := add_job('public.vigil_job_check', interval '1 day');
    commit;
    for half_second in 1 .. 2 * coalesce(current_setting('vigil.job_seconds', true), '60')::integer loop
        perform pg_sleep(0.5);
        select job_stats.total_successes, job_stats.total_failures
        into ended
        from timescaledb_information.job_stats
        where job_stats.job_id = check_id;
        exit when ended.total_successes > 0 or ended.total_failures > 0;
        commit;
    end loop;
    select job_errors.err_message into problem
    from timescaledb_information.job_errors
    where job_errors.job_id = check_id
    order by job_errors.finish_time desc
    limit 1;
    perform delete_job(check_id);
    drop procedure public.vigil_job_check(integer, jsonb);
    commit;
    if coalesce(ended.total_successes, 0) = 0 then
        raise exception 'PostgreSQL % does not run the background jobs of TimescaleDB %: %',
            current_setting('server_version'),
            (select extversion from pg_extension where extname = 'timescaledb'),
            coalesce(problem, 'none was started in time')
            using hint = 'Set postgresql_version and timescaledb_version to a pair that works.';
    end if;
end
$block$;
