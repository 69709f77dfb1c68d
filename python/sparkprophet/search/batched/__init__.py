"""One search that is asked in batches and tried elsewhere: rounds, rules, storages, the server."""
