"""What an artefact says of itself: the entries of its metadata_props."""

import json
from collections.abc import Sequence

VERSION_KEY, CLASSES_KEY, MODEL_KEY = "tidemill.version", "tidemill.classes", "tidemill.model"


def identity(model_name: str, version: int, classes: Sequence[str]) -> dict[str, str]:
    """Return the metadata_props of an artefact."""
    return {
        VERSION_KEY: str(version),
        CLASSES_KEY: json.dumps(list(classes), ensure_ascii=False),
        MODEL_KEY: model_name,
    }
