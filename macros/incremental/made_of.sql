{#
    What a model is made of besides rows: its SQL without the database's name, which says
    nothing of the rows; the values of the variables that its own code names, which explain
    a difference of the SQL; and what `parts` adds.
#}
{% macro made_of(query, parts={}) -%}
    {%- set filled = [query] -%}
    {%- set relations = [this | string] -%}
    {%- for node in nodes_read(model) -%}
        {%- do relations.append(node.relation_name) -%}
    {%- endfor -%}
    {%- for relation in relations | select -%}
        {%- do filled.append(filled.pop().replace(
            relation, relation.split('.')[1:] | join('.')
        )) -%}
    {%- endfor -%}
    {%- set variables = {} -%}
    {%- for name in modules.re.findall("\\bvar\\(\\s*['\"](\\w+)['\"]", model.raw_code) -%}
        {%- do variables.update({name: var(name, none)}) -%}
    {%- endfor -%}
    {{ return(dict(parts, query=filled[0], variables=variables)) }}
{%- endmacro %}


{#
    The relations that a model reads, as nodes: in the place of an ephemeral model, which is
    none, those that it reads itself; likewise for other kinds in `through`.
#}
{% macro nodes_read(node, through=['ephemeral']) -%}
    {%- set found = [] -%}
    {%- for id in node.depends_on.nodes -%}
        {%- set above = graph.sources.get(id) or graph.nodes[id] -%}
        {%- if above.config.materialized in through -%}
            {%- do found.extend(nodes_read(above, through)) -%}
        {%- else -%}
            {%- do found.append(above) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | unique(attribute='unique_id') | list) }}
{%- endmacro %}


{#
    In which ways two results of made_of differ, as a list of sentences; none but the
    variables make a difference of rows only through the query.
#}
{% macro made_of_changes(before, now) -%}
    {%- set changes = [] -%}
    {%- if before['query'] != now['query'] -%}
        {%- for name, value in now['variables'].items()
            if name in before['variables'] and before['variables'][name] != value
        -%}
            {%- do changes.append(
                'the variable ' ~ name ~ ' is ' ~ value ~ ' instead of '
                ~ before['variables'][name]
            ) -%}
        {%- endfor -%}
        {%- if changes | length == 0 -%}
            {%- do changes.append('its query changed') -%}
        {%- endif -%}
    {%- endif -%}
    {%- for name, value in now.items()
        if name not in ['query', 'variables'] and before.get(name) != value
    -%}
        {%- if value is mapping -%}
            {%- for key in value if value[key] != (before.get(name) or {}).get(key) -%}
                {%- do changes.append('the ' ~ name ~ ' of ' ~ key ~ ' changed') -%}
            {%- endfor -%}
        {%- else -%}
            {%- do changes.append(
                name ~ ' is ' ~ value ~ ' instead of ' ~ before.get(name)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    Whether a model's definition is the one its rows were computed with, in `state`, a
    result of model_state; writes into it `changes`, as made_of_changes, and
    `definition`, the fingerprint to keep. A release that kept only a hash wrote it over the
    SQL with the database's name: spec['old_fingerprints'].
#}
{% macro compare_definition(spec, state) -%}
    {%- set changes = [] -%}
    {%- if state['made_of'] is not none -%}
        {%- do changes.extend(made_of_changes(state['made_of'], spec['made_of'])) -%}
    {%- elif state['definition'] != spec['fingerprint']
        and state['definition'] not in spec['old_fingerprints']
    -%}
        {%- do changes.append(
            'its query changed, or the name of the database (the last build kept only a hash)'
        ) -%}
    {%- endif -%}
    {%- do state.update({
        'changes': changes,
        'definition': state['definition'] if changes | length == 0 and state['definition']
            else spec['fingerprint'],
    }) -%}
{%- endmacro %}
