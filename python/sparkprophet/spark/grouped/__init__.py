"""One Prophet per group: the estimator, the tuner, their model, and the job that makes its rows."""
