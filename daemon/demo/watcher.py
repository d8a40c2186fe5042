"""Asks the roles over HTTP how they are: the learner's /status, and which version is served."""

import threading
from typing import Any

import httpx

from daemon.demo.board import Board
from daemon.demo.plan import MODEL, Addresses
from daemon.demo.workplace import Workplace

POLL_S = 0.25


def watch(addresses: Addresses, client: httpx.Client, board: Board, stop: threading.Event) -> None:
    """Keep the board up to date until `stop`; what does not answer keeps its last state."""
    status_url = addresses.health_urls()["learn"] + "/status"
    model_url = f"{addresses.serve_url}/v1/models/{MODEL}"
    while not stop.wait(POLL_S):
        status = _json(client, status_url)
        model = _json(client, model_url)
        # One change for both: a champion that is newer than the status would look like the end of a round.
        changes: dict[str, Any] = {"learner": status} if status else {}
        if model:
            changes["champion"] = _champion(model)
        board.put(**changes)


def save_metrics(addresses: Addresses, client: httpx.Client, place: Workplace) -> None:
    """Write what each process answers at /metrics into a file; nothing of one that does not answer."""
    for role, url in addresses.health_urls().items():
        try:
            answer = client.get(f"{url}/metrics")
        except httpx.TransportError:
            continue
        (place.metrics / f"{role}.prom").write_bytes(answer.content)


def _champion(model: dict[str, Any]) -> int | None:
    champion = model.get("champion")
    return int(champion) if champion is not None else None


def _json(client: httpx.Client, url: str) -> dict[str, Any]:
    try:
        answer = client.get(url)
    except httpx.TransportError:
        return {}
    if answer.status_code != httpx.codes.OK:
        return {}
    value: dict[str, Any] = answer.json()
    return value
