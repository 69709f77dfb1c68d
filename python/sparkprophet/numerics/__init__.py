"""The MAP solver of Prophet's model on plain arrays: numpy, and numba where it is installed."""
