"""Keeps templates in memory and on disk: one for each architecture, input size and version of the exporter."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from model.durable import PRIVATE_FILE, replace_durably
from model.publishing.template import SCHEMA, Template

IN_MEMORY_MAX = 8


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a template is for. The number of classes is no part of it: the head is resized in the template.

    `spec_json` is JSON; where it is an object with the key `classes_n`, that key does not count.
    """

    spec_json: str
    height: int
    width: int

    @property
    def digest(self) -> str:
        """The name of the template on disk; another exporter or another form of template gives another name."""
        spec = json.loads(self.spec_json)
        if isinstance(spec, dict):
            spec.pop("classes_n", None)
        told = [SCHEMA, torch.__version__, onnx.__version__, spec, self.height, self.width]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class Templates:
    """A cache; whatever it holds may be lost or thrown away. `folder` must exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, Template] = {}

    def get(self, architecture: Architecture) -> Template | None:
        """Return the template of an architecture, for whatever number of classes; None when there is none (intact)."""
        name = architecture.digest
        if name not in self._loaded:
            try:
                self._remember(name, Template.from_bytes(self._path(name).read_bytes()))
            except (FileNotFoundError, ValueError, KeyError, TypeError):
                # absent or damaged: the exporter makes it anew, and it is overwritten
                return None
        return self._loaded[name]

    def put(self, architecture: Architecture, template: Template) -> None:
        """Keep a template, replacing the architecture's earlier one. Raises OSError."""
        self._remember(architecture.digest, template)
        replace_durably(self._path(architecture.digest), template.to_bytes(), mode=PRIVATE_FILE)

    def _remember(self, name: str, template: Template) -> None:
        while len(self._loaded) >= IN_MEMORY_MAX:
            self._loaded.pop(next(iter(self._loaded)))
        self._loaded[name] = template

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.template"
