{% macro migration_0002_rights_by_table() -%}
    {%- set changes = [] -%}
    {%- for row in run_query(reader_defaults_sql()).rows -%}
        {%- do changes.append({
            'summary': 'no default privileges of vigil_reader in schema ' ~ row[1],
            'sql': 'alter default privileges for role ' ~ adapter.quote(row[0])
                ~ ' in schema ' ~ adapter.quote(row[1])
                ~ ' revoke select on tables from vigil_reader',
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    The default privileges of vigil_reader that this role may revoke: owner, schema.
#}
{% macro reader_defaults_sql() %}
    select
        pg_get_userbyid(pg_default_acl.defaclrole) as owner,
        pg_namespace.nspname
    from pg_default_acl
    inner join pg_namespace
        on pg_default_acl.defaclnamespace = pg_namespace.oid
    where
        pg_default_acl.defaclobjtype = 'r'
        and pg_has_role(pg_default_acl.defaclrole, 'usage')
        and exists (
            select 1
            from aclexplode(pg_default_acl.defaclacl) as rights
            inner join pg_roles
                on rights.grantee = pg_roles.oid
            where
                pg_roles.rolname = 'vigil_reader'
                and rights.privilege_type = 'SELECT'
        )
    order by pg_namespace.nspname
{% endmacro %}
