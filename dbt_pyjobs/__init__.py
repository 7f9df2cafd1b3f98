"""The dbt plugin that runs Python models beside dbt-postgres.

dbt imports every top-level module called ``dbt_*`` and loads what it finds in
``plugins``. A Python model imports `Changes` from here when it returns more than rows.
"""

from dbt_pyjobs.changes import Changes
from dbt_pyjobs.plugin import PythonJobsPlugin

plugins = [PythonJobsPlugin]

__all__ = ["Changes", "PythonJobsPlugin", "plugins"]
