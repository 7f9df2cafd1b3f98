"""The dbt plugin that runs Python models beside dbt-postgres."""
