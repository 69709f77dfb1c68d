"""How a finished job used its slots, how it would scale, and what other clusters would cost.

Numpy only: a report is made of arrays of seconds, wherever they come from.
"""
