"""`python -m sparkprophet.search`: see `sparkprophet.search.batched.server`."""

from sparkprophet.search.batched.server import main

if __name__ == "__main__":
    main()
