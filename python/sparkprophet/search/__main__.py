"""`python -m sparkprophet.search`: see `sparkprophet.search.server`."""

from sparkprophet.search.server import main

if __name__ == "__main__":
    main()
