"""One HTML page of what the database knows: signals, traders, bitcoin.

``python -m report`` reads the marts of the server in use and writes a file that needs
nothing else: no server, no network, no second file. `report.reading` asks, one module
for each section draws, `report.page` puts the page together.
"""
