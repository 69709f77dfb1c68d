#!/usr/bin/env bash
# Prints the home of a Java that Spark 4 runs on, 17 or 21: JAVA_HOME's, the PATH's or one in the usual
# folders. If there is none it installs one where it may, and otherwise says what to type and fails.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# home_of JAVA: the home of this java if its version fits
home_of() {
  local properties
  properties=$("$1" -XshowSettings:properties -version 2>&1) || return 1
  case $(sed -n 's/^ *java\.specification\.version = //p' <<<"$properties") in
    17 | 21) sed -n 's/^ *java\.home = //p' <<<"$properties" ;;
    *) return 1 ;;
  esac
}

find_java() {
  local java
  if [ -n "${JAVA_HOME:-}" ]; then
    home_of "$JAVA_HOME/bin/java" && return
    echo "JAVA_HOME ($JAVA_HOME) is no Java 17 or 21: looking elsewhere" >&2
  fi
  if command -v java >/dev/null; then
    home_of "$(command -v java)" && return
  fi
  for java in /usr/lib/jvm/*/bin/java /Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java \
    /opt/homebrew/opt/openjdk@*/bin/java; do
    if [ -x "$java" ]; then
      home_of "$java" && return
    fi
  done
  return 1
}

find_java && exit
# Debian 12 has 17, Debian 13 has 21. A runtime is enough: sbt compiles Scala without javac.
for version in 17 21; do
  if "$here/apt_install.sh" "openjdk-$version-jre-headless" && find_java; then
    exit
  fi
done

cat >&2 <<'MESSAGE'
Java 17 or 21 is missing, and could not be installed from here. Please type one of

    sudo apt-get update && sudo apt-get install openjdk-17-jre-headless    # Debian 12, Ubuntu
    sudo apt-get update && sudo apt-get install openjdk-21-jre-headless    # Debian 13
    sudo dnf install java-17-openjdk-headless                              # Fedora, RHEL
    brew install openjdk@17                                                # macOS

or set JAVA_HOME to the folder of a Java that is already there, and run make again.
MESSAGE
exit 1
