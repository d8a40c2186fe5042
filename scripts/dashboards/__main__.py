"""Write the dashboards: `python -m scripts.dashboards [FOLDER]`, by default docker/grafana/dashboards."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from scripts.dashboards.ingest import ingest
from scripts.dashboards.learning import learning
from scripts.dashboards.overview import overview
from scripts.dashboards.serving import serving

FOLDER = Path(__file__).parents[2] / "docker" / "grafana" / "dashboards"
DASHBOARDS = {"overview": overview, "ingest": ingest, "learning": learning, "serving": serving}


def encode(dashboard: Dashboard) -> str:
    """Return the file's text. The same dashboard gives the same text."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write every dashboard into `folder`; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, make in DASHBOARDS.items():
        file = folder / f"{name}.json"
        file.write_text(encode(make()), encoding="utf-8")
        files.append(file)
    return files


if __name__ == "__main__":
    for written in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        sys.stdout.write(f"{written}\n")
