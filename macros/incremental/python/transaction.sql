{#
    The job reads and writes on connections of its own: what pre-hooks did must be
    committed to be seen there, and no lock may be held that the job could wait for.
#}
{% macro python_end_transaction() %}
    {% call statement('python_end_transaction') %}
        select 1
    {% endcall %}
    {% do adapter.commit() %}
{% endmacro %}


{# Statements of leave_rollup, in the transaction that puts the new table in place. #}
{% macro run_statements(statements) %}
    {% for statement in statements if statement is not none %}
        {% do run_query(statement) %}
    {% endfor %}
{% endmacro %}


{# In so many words: after a commit neither dbt nor the driver would. #}
{% macro python_begin_transaction() %}
    {% call statement('python_begin_transaction') %}
        begin
    {% endcall %}
{% endmacro %}
