# `make` lists what there is. On a fresh machine `make demo` and `make test` are enough: they see to Java,
# make .venv from requirements.txt, and run.

PANDAS3 := 3.1.1
SPARKS := 4.0.1 4.1.0 4.3.0
env := ./scripts/with_env.sh
pytest := $(env) .venv/bin/python -m pytest
# Two processes, a file at a time: four are no faster, as each has a JVM to warm up.
both_cores := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 1

.DEFAULT_GOAL := help
# Two cores at work in one target leave nothing for a second one, and its output would be mixed in.
.NOTPARALLEL:
.PHONY: help venv kernels-and-jars demo test test-python test-scala test-slow test-pandas3 test-sparks .cache/venv-peers bench-peers \
  bench-paper bench-paper-peers card lint format wheel jar scala-examples clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' Makefile

venv: ## .venv in the checkout, from the exact versions in requirements.txt
	@./scripts/setup_venv.sh

# What Numba compiles goes into its cache once, or every process would compile it beside the others; each
# of the two takes one core.
kernels-and-jars: venv
	@$(env) .venv/bin/python -c 'from sparkprophet.tuning import warm_up; warm_up("tpe")' & kernels=$$!; \
	  $(MAKE) --no-print-directory scala-examples; jars=$$?; \
	  wait $$kernels && exit $$jars

demo: venv ## the demo, examples/demo.py (ARGS="..." is passed on)
	@$(env) .venv/bin/python examples/demo.py $(ARGS)

# Scala's tests keep one core at work, and little else: they run beside Python's.
test: kernels-and-jars ## all tests but the slow ones (ARGS="..." is passed to pytest)
	@log=$$(mktemp) && trap 'rm -f "$$log"' EXIT; \
	  $(MAKE) --no-print-directory test-scala >"$$log" 2>&1 & \
	  $(pytest) -m 'not slow' $(both_cores) $(ARGS); python=$$?; \
	  wait $$!; scala=$$?; cat "$$log"; exit $$((python + scala > 0))

test-python: kernels-and-jars ## the Python tests but the slow ones (ARGS="..." is passed to pytest)
	@$(pytest) -m 'not slow' $(both_cores) $(ARGS)

test-scala: venv ## the Scala tests but the slow ones, on the jars of .venv's pyspark
	@$(env) ./scripts/sbt.sh 'testOnly * -- -l sparkprophet.Slow'

test-slow: kernels-and-jars ## the slow tests of both languages
	@$(pytest) -m slow $(ARGS); python=$$?; \
	  $(env) ./scripts/sbt.sh 'testOnly * -- -n sparkprophet.Slow' && exit $$python

test-pandas3: ## the Python tests in a second environment, with pandas 3
	@./scripts/setup_venv.sh .venv-pandas3 pandas==$(PANDAS3)
	@SPARKPROPHET_VENV="$(CURDIR)/.venv-pandas3" $(env) .venv-pandas3/bin/python -m pytest -m 'not slow' $(both_cores) $(ARGS)

test-sparks: jar ## one jar on each Spark of $(SPARKS): tests of both languages together
	@for version in $(SPARKS); do \
	  venv=.cache/venv-spark-$$version; \
	  ./scripts/setup_venv.sh $$venv pyspark==$$version && \
	  SPARKPROPHET_VENV="$(CURDIR)/$$venv" $(env) $$venv/bin/python -m pytest tests/spark/jvm || exit 1; \
	done

.cache/venv-peers: # the peers of the benchmarks, in an environment of their own
	@./scripts/setup_venv.sh $@ $$(grep -v '^#' benchmarks/peers/requirements.txt)

bench-peers: .cache/venv-peers ## CPU of a tuning trial beside prophet-batch (ARGS="...")
	@.cache/venv-peers/bin/python benchmarks/trial_cost.py $(ARGS)

bench-paper: venv ## the paper's whole job in one spark-submit: phases, cores, memory (ARGS="...")
	@$(env) .venv/bin/python benchmarks/paper_job.py $(ARGS)

bench-paper-peers: .cache/venv-peers ## the paper's job beside Spark, Ray, Dask and others (ARGS="...")
	@SPARKPROPHET_VENV="$(CURDIR)/.cache/venv-peers" $(env) .cache/venv-peers/bin/python benchmarks/paper_peers.py $(ARGS)

card: venv ## what goes wrong, done to sparkprophet and to applyInPandas: docs/reliability.md (ARGS="...")
	@$(env) .venv/bin/python tests/faults/make_card.py $(ARGS)

lint: venv ## linter and types of Python, warnings of Scala, formats of both
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check -q .
	@.venv/bin/python -m mypy
	@$(env) ./scripts/sbt.sh scalafmtSbtCheck scalafmtCheckAll examples/scalafmtCheckAll Test/compile \
	  examples/compile

format: venv ## mend what linter and formatters can mend
	@.venv/bin/python -m ruff check --fix .
	@.venv/bin/python -m ruff format -q .
	@$(env) ./scripts/sbt.sh scalafmtSbt scalafmtAll examples/scalafmtAll

wheel: venv jar ## the Python wheel with the Scala jar in it, in dist/
	@rm -rf build # or what was deleted since the last wheel would be in this one
	@mkdir -p python/sparkprophet/jars && cp target/scala-2.13/sparkprophet_*.jar python/sparkprophet/jars/
	@.venv/bin/python -m pip wheel -q --no-deps --no-build-isolation -w dist .
	@rm -rf python/sparkprophet/jars
	@ls dist/*.whl

jar: venv ## the Scala jar, in target/scala-2.13/
	@rm -f target/scala-2.13/*.jar
	@$(env) ./scripts/sbt.sh -warn package
	@ls target/scala-2.13/*.jar

scala-examples: venv ## that jar, and the one of examples/scala, in target/examples/scala-2.13/
	@rm -f target/scala-2.13/*.jar target/examples/scala-2.13/*.jar
	@$(env) ./scripts/sbt.sh -warn package examples/package
	@ls target/scala-2.13/*.jar target/examples/scala-2.13/*.jar

clean: ## remove what was built, but not .venv and .cache
	rm -rf build dist target project/target project/project python/*.egg-info demo-output spark-warehouse \
	  metastore_db derby.log .pytest_cache .ruff_cache .hypothesis
	find python tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## remove .venv and .cache too
	rm -rf .venv .venv-pandas3 .cache
