"""The dbt plugin that runs Python models with dbt-postgres.

dbt imports every top-level module called ``dbt_*`` and loads the classes in
``plugins``. A Python model imports `Changes` from here if it returns more than rows.
"""

from dbt_pyjobs.changes import Changes
from dbt_pyjobs.plugin import PythonJobsPlugin

plugins = [PythonJobsPlugin]

__all__ = ["Changes", "PythonJobsPlugin", "plugins"]
