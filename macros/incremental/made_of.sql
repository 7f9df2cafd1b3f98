{#
    The definition of a model, besides the rows that it reads: its SQL without the name of
    the database, which has no influence on the rows; the values of the variables that its
    own code names, to explain a difference of the SQL; and the entries of `parts`.
#}
{% macro made_of(query, parts={}) -%}
    {%- set stripped = [query] -%}
    {%- set relations = [this | string] -%}
    {%- for node in nodes_read(model) -%}
        {%- do relations.append(node.relation_name) -%}
    {%- endfor -%}
    {%- for relation in relations | select -%}
        {%- do stripped.append(stripped.pop().replace(
            relation, relation.split('.')[1:] | join('.')
        )) -%}
    {%- endfor -%}
    {%- set variables = {} -%}
    {%- for name in modules.re.findall("\\bvar\\(\\s*['\"](\\w+)['\"]", model.raw_code) -%}
        {%- do variables.update({name: var(name, none)}) -%}
    {%- endfor -%}
    {{ return(dict(parts, query=stripped[0], variables=variables)) }}
{%- endmacro %}


{#
    The relations that a model reads, as nodes. A model whose materialization is in `through`
    (an ephemeral one is no relation) is replaced by the relations that it reads itself.
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
    The differences between two results of made_of, as a list of sentences. A changed
    variable counts only if it changes the rendered query.
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
    Compares a model's definition with the one that its rows were computed with, which is in
    `state`, a result of model_state. Writes into `state`: `changes`, a result of
    made_of_changes, and `definition`, the fingerprint to store. Earlier releases stored only
    a hash, of the SQL with the name of the database: spec['old_fingerprints'].
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
