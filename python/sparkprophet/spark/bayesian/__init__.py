"""Bayesian search for any Spark ML estimator: tuners, their models, folds and the param grid."""
