"""One HTML page of what the database knows: signals, traders, bitcoin.

``python -m report`` reads the marts of the server in use and writes a file that needs
nothing else: no server, no network, no second file. Each module of `report.sections` is
one section: what it asks the server, and what it draws of the answer. `report.compose`
puts sections together, `report.page` makes HTML of them.
"""
