{#
    The job reads and writes on connections of its own: what pre-hooks did must be
    committed to be seen there, and no lock may be held that the job could wait for.
#}
{% macro python_end_transaction() %}
    {% do python_begin_transaction() %}
    {% do adapter.commit() %}
{% endmacro %}


{# dbt begins a transaction with the first statement that asks for one. #}
{% macro python_begin_transaction() %}
    {% call statement('python_begin_transaction') %}
        select 1
    {% endcall %}
{% endmacro %}
