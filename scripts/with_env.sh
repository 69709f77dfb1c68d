#!/usr/bin/env bash
# with_env.sh COMMAND...: runs a command in the environment that the tests and the demo need. The virtual
# environment is .venv, or the folder that SPARKPROPHET_VENV names.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${SPARKPROPHET_VENV:-$root/.venv}

JAVA_HOME=$("$root/scripts/ensure_java.sh")
export JAVA_HOME
export PATH="$venv/bin:$JAVA_HOME/bin:$PATH"
# Driver and workers must be one Python.
export PYSPARK_PYTHON="$venv/bin/python" PYSPARK_DRIVER_PYTHON="$venv/bin/python"
# Each Spark slot is one core: threads within one would only fight with the next.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export SPARK_LOCAL_IP=127.0.0.1
# Another Spark's home, settings or server would take the place of the pinned one.
unset SPARK_HOME SPARK_CONF_DIR SPARK_REMOTE PYSPARK_SUBMIT_ARGS PYTHONPATH PYTHONHOME

exec "$@"
