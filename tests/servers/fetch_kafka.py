"""Fetch Apache Kafka's jars from Maven's repository into .cache/kafka/libs: `python -m tests.servers.fetch_kafka`.

Does nothing where they lie there already. Without `java` and `mvn` it says so and succeeds: the tests that need the
broker then skip with the reason, or fail where CI=true.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

KAFKA_VERSION = "4.1.0"
SCALA_VERSION = "2.13"
LIBS = Path(__file__).parents[2] / ".cache" / "kafka" / "libs"
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemill</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_{SCALA_VERSION}</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


def missing() -> str | None:
    """Return why the broker cannot run here and what would cure it, or None where it can."""
    if shutil.which("java") is None:
        return "no java on the PATH: install Java 17 or newer (apt-get install openjdk-17-jre-headless maven)"
    if (LIBS / f"kafka_{SCALA_VERSION}-{KAFKA_VERSION}.jar").is_file():
        return None
    if shutil.which("mvn") is None:
        return f"no Kafka {KAFKA_VERSION} in {LIBS} and no mvn to fetch it: apt-get install maven, then make kafka"
    return f"no Kafka {KAFKA_VERSION} in {LIBS}: run `make kafka`, with the network up"


def fetch() -> None:
    """Fill `LIBS`: into a folder beside it first, so that it is whole or not there. Raises CalledProcessError."""
    LIBS.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LIBS.parent) as folder:
        pom, jars = Path(folder, "pom.xml"), Path(folder, "libs")
        pom.write_text(POM)
        subprocess.run(["mvn", "-q", "-B", "-f", pom, GOAL, f"-DoutputDirectory={jars}"], check=True)
        shutil.rmtree(LIBS, ignore_errors=True)
        jars.rename(LIBS)


def main() -> int:
    """Fetch what is missing; return the exit status."""
    if missing() is None:
        return 0
    if shutil.which("java") is None or shutil.which("mvn") is None:
        sys.stderr.write(f"Tests against real Kafka will skip: {missing()}\n")
        return 0
    sys.stderr.write(f"Fetching Apache Kafka {KAFKA_VERSION} (43 MB) into {LIBS}\n")
    try:
        fetch()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"mvn could not fetch Kafka (exit status {error.returncode}); tests that need it will skip\n")
        return 1 if os.environ.get("CI") == "true" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
