{#
    The GRANT and REVOKE statements that give the roles of `timescale_roles` exactly the
    rights on rows that `grants` of each table declares, and usage of the schemas they need,
    as a list of {'relation', 'summary', 'sql'}; empty when they agree or the server has no
    such role.

    The rights of the owner are set in the same way: the owner of the raw tables need not be
    able to write to them. Other roles, and rights that do not concern rows (references,
    trigger, …), are not changed.
#}
{% macro grant_changes(tables) -%}
    {%- set roles = existing_roles() -%}
    {%- if roles | length == 0 -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set found = fromjson(run_query(describe_grants_sql(tables)).rows[0][0]) -%}
    {%- set changes = usage_changes(tables, found['schemas']) -%}
    {%- for table in tables if table['relation'] in found['tables'] -%}
        {%- set live = found['tables'][table['relation']] -%}
        {%- set statements = [] -%}
        {%- for role in roles -%}
            {%- set wanted = declared_rights(table, role) -%}
            {%- set held = live['roles'].get(role, []) -%}
            {%- set missing = wanted | reject('in', held) | join(', ') -%}
            {%- set excess = held | reject('in', wanted) | join(', ') -%}
            {%- if missing -%}
                {%- do statements.append(
                    'grant ' ~ missing ~ ' on ' ~ table['relation'] ~ ' to ' ~ role
                ) -%}
            {%- endif -%}
            {%- if excess -%}
                {%- do statements.append(
                    'revoke ' ~ excess ~ ' on ' ~ table['relation'] ~ ' from ' ~ role
                ) -%}
            {%- endif -%}
            {#- An INSERT takes ids from the sequence. -#}
            {%- for sequence, users in live['sequences'].items()
                if 'insert' in wanted and role not in users
            -%}
                {%- do statements.append(
                    'grant usage on sequence ' ~ sequence ~ ' to ' ~ role
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if statements | length > 0 -%}
            {%- if not live['may_change'] -%}
                {%- do refuse_source_change(table['relation'], live, statements[0]) -%}
            {%- endif -%}
            {%- do changes.append({
                'summary': statements | length ~ ' rights on ' ~ table['relation'],
                'sql': statements | join(';\n'),
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    The declared rights of a role on the rows of a table. On a server without jobs, retention
    deletes rows as the owner of the tables, who therefore gets the right to delete.
#}
{% macro declared_rights(table, role) -%}
    {%- set rights = (table['grants'] or {}).get(role, []) -%}
    {%- if role == var('timescale_owner', none) and rights | length > 0
        and table['retention'] is not none and 'delete' not in rights
    -%}
        {{ return(rights + ['delete']) }}
    {%- endif -%}
    {{ return(rights) }}
{%- endmacro %}


{#
    The missing USAGE rights on schemas. A role needs USAGE on the schema of each raw table,
    model, seed and snapshot whose `grants` name it. Schemas that do not exist yet get it
    after a build has created them.
#}
{% macro usage_changes(tables, schemas) -%}
    {%- set needed = [] -%}
    {%- for table in tables -%}
        {%- for role in table['grants'] or {} -%}
            {%- do needed.append((table['schema'], role)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for id in graph.nodes if id.split('.')[0] in ['model', 'seed', 'snapshot'] -%}
        {%- set node = graph.nodes[id] -%}
        {%- for role in (node.config.get('grants') or {}).values() | sum(start=[]) -%}
            {%- do needed.append((node.schema, role)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set changes = [] -%}
    {%- for schema, role in needed | unique
        if role in existing_roles()
        and schema in schemas and role not in schemas[schema]['users']
    -%}
        {%- set statement = 'grant usage on schema ' ~ schema ~ ' to ' ~ role -%}
        {%- if not schemas[schema]['may_change'] -%}
            {%- do refuse_source_change(
                'schema ' ~ schema, schemas[schema], statement
            ) -%}
        {%- endif -%}
        {%- do changes.append({'summary': statement, 'sql': statement}) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    The rights on rows that these roles hold: {'schemas': {name: {users}},
    'tables': {`schema.name`: {'roles': {role: rights}, 'sequences': {name: roles}}}}, each
    with its owner and whether this role may_change it.
#}
{% macro describe_grants_sql(tables) %}
    with

    declared (relation) as (
        values
        {%- for table in tables %}
        ('{{ table['relation'] }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ),

    roles as (
        select pg_roles.oid, pg_roles.rolname
        from pg_roles
        where pg_roles.rolname in ('{{ var('timescale_roles', []) | join("', '") }}')
    ),

    -- Not to_regclass, which needs USAGE on the schema.
    tables as (
        select
            declared.relation,
            pg_class.oid,
            pg_class.relowner as owner,
            coalesce(pg_class.relacl, acldefault('r', pg_class.relowner)) as acl
        from declared
        inner join pg_namespace
            on split_part(declared.relation, '.', 1) = pg_namespace.nspname
        inner join pg_class
            on
                pg_namespace.oid = pg_class.relnamespace
                and split_part(declared.relation, '.', 2) = pg_class.relname
    ),

    held as (
        select
            tables.oid,
            roles.rolname,
            jsonb_agg(lower(rights.privilege_type)) as rights
        from tables
        cross join lateral aclexplode(tables.acl) as rights
        inner join roles
            on rights.grantee = roles.oid
        where
            rights.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
        group by tables.oid, roles.rolname
    ),

    -- The sequences of identity columns.
    sequences as (
        select
            pg_depend.refobjid as table_oid,
            jsonb_object_agg(
                pg_depend.objid::regclass::text,
                (
                    select coalesce(jsonb_agg(roles.rolname), '[]')
                    from roles
                    where has_sequence_privilege(roles.oid, pg_depend.objid, 'usage')
                )
            ) as found
        from pg_depend
        inner join tables
            on pg_depend.refobjid = tables.oid
        inner join pg_class
            on pg_depend.objid = pg_class.oid and pg_class.relkind = 'S'
        where
            pg_depend.classid = 'pg_class'::regclass
            and pg_depend.refclassid = 'pg_class'::regclass
            and pg_depend.deptype = 'i'
        group by pg_depend.refobjid
    )

    select
        jsonb_build_object(
            'schemas', (
                select
                    jsonb_object_agg(
                        pg_namespace.nspname,
                        jsonb_build_object(
                            'owner', pg_get_userbyid(pg_namespace.nspowner),
                            'may_change', pg_has_role(pg_namespace.nspowner, 'usage'),
                            'users', (
                                select coalesce(jsonb_agg(roles.rolname), '[]')
                                from roles
                                where
                                    has_schema_privilege(
                                        roles.oid, pg_namespace.oid, 'usage'
                                    )
                            )
                        )
                    )
                from pg_namespace
                where pg_namespace.nspname !~ '^(pg_|_timescaledb)'
            ),
            'tables', (
                select
                    coalesce(
                        jsonb_object_agg(
                            tables.relation,
                            jsonb_build_object(
                                'owner', pg_get_userbyid(tables.owner),
                                'may_change', pg_has_role(tables.owner, 'usage'),
                                'roles', coalesce(
                                    (
                                        select jsonb_object_agg(held.rolname, held.rights)
                                        from held
                                        where held.oid = tables.oid
                                    ),
                                    '{}'
                                ),
                                'sequences', coalesce(sequences.found, '{}')
                            )
                        ),
                        '{}'
                    )
                from tables
                left join sequences
                    on tables.oid = sequences.table_oid
            )
        )::text as found
{% endmacro %}
