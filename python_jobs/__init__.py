"""dbt Python models: nodes of the DAG; `lib` holds the numerical code they call."""
