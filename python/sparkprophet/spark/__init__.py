"""The Spark side: Params, Estimators, Models, evaluator, tuners, persistence."""
