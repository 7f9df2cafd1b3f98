"""Bitcoin trades, written the way venues publish and people record them.

`market` makes one price for all venues, with the shapes of `patterns` planted in it;
`trades` draws each venue's trades from it; `recordings` writes these into files of
`formats`, with an order book beside some (`book`) and with what goes wrong in
recordings; `truth` keeps beside them what a reader should find. `run` is the loop over
the parts of the tape.
"""
