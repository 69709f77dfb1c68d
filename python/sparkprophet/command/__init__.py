"""The command line: arguments, the config file, the Spark session, the output folder."""
