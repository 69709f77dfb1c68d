#!/usr/bin/env bash
# sbt.sh COMMAND...: runs sbt, of which nothing needs to be installed. Its launcher is fetched by the Ivy
# that comes with pyspark. Tests run on pyspark's jars; with an empty PYSPARK_JARS on those of build.sbt.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
version=$(sed -n 's/^sbt\.version=//p' project/build.properties)
sha256=a4f78ef1afcf69bbbd0ddc69caf8bcaa04e643d526712d654417b232248932fb # of sbt-launch 1.12.0
cache=$root/.cache/sbt
launcher=$cache/sbt-launch-$version.jar

python=${SPARKPROPHET_VENV:-$root/.venv}/bin/python
[ -x "$python" ] || { echo "There is no $python: run 'make venv' first" >&2; exit 1; }
spark_jars=$("$python" -c '
import importlib.util, pathlib
print(pathlib.Path(importlib.util.find_spec("pyspark").origin).parent / "jars")')
export PYSPARK_JARS="${PYSPARK_JARS-$spark_jars}"
JAVA_HOME=$(./scripts/ensure_java.sh)
export JAVA_HOME

is_whole() {
  "$python" - "$launcher" "$sha256" <<'CHECK'
import hashlib, pathlib, sys
path = pathlib.Path(sys.argv[1])
sys.exit(not (path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sys.argv[2]))
CHECK
}

fetch_launcher() {
  local scratch
  mkdir -p "$cache"
  scratch=$(mktemp -d "$cache/fetch.XXXXXX")
  "$JAVA_HOME/bin/java" -jar "$spark_jars"/ivy-*.jar -cache "$scratch" -confs default \
    -dependency org.scala-sbt sbt-launch "$version" \
    -retrieve "$scratch/[artifact]-[revision].[ext]" >"$cache/fetch.log" 2>&1 &&
    mv "$scratch/sbt-launch-$version.jar" "$launcher" || true
  rm -rf "$scratch"
}

if ! is_whole; then
  fetch_launcher
  is_whole || {
    cat "$cache/fetch.log" >&2
    rm -f "$launcher"
    echo "sbt's launcher $version could not be fetched, or is not the one whose checksum is in $0" >&2
    exit 1
  }
fi

# A build is over before what the second compiler optimises pays for the optimising. With one compiler
# the cache of its code is small; a full one would leave the rest interpreted.
options=(-Xmx1g -Xss4m -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=480m -XX:+UseSerialGC)
options+=(-Dsbt.server.autostart=false -Dsbt.supershell=false)
# sbt keeps what it fetches in the home. The JVM would take the account's: a HOME set on purpose counts
# more, and where there is none to write to, the checkout has to do.
home=${HOME:-$cache/home}
[ -w "$home" ] || home=$cache/home
options+=("-Duser.home=$home")
if ! [ -t 1 ] || [ -n "${NO_COLOR:-}" ]; then
  options+=(-Dsbt.log.noformat=true)
fi
# No input: where sbt would ask what to do about a broken build, it is to stop.
exec "$JAVA_HOME/bin/java" "${options[@]}" -jar "$launcher" "$@" </dev/null
