"""Files of a state directory that lost their names get them back: each is known by the digest of its bytes."""

from pathlib import Path

from model.durable import adopt, file_sha256
from model.store.database import connect_read_only
from model.store.folders import WEIGHTS, WEIGHTS_SUFFIX
from model.store.lock import DirectoryLock
from model.store.segments import SEGMENTS_FOLDER, Segments


def reunite(path: Path) -> list[str]:
    """Give missing and damaged files back from files beside them that hold their bytes; return what was done.

    Takes the learner's lock meanwhile. Raises StateLockedError, StateError, OSError.
    """
    lock = DirectoryLock(path)
    try:
        database = connect_read_only(path)
        try:
            segments = [row[0] for row in database.execute("SELECT digest FROM segments ORDER BY digest")]
            weights = [row[0] for row in database.execute("SELECT digest FROM weights ORDER BY digest")]
        finally:
            database.close()
        return [
            *_reunite(path / SEGMENTS_FOLDER, {digest: Segments.file_name(digest) for digest in segments}),
            *_reunite(path / WEIGHTS, {digest: f"{digest}{WEIGHTS_SUFFIX}" for digest in weights}),
        ]
    finally:
        lock.release()


def _reunite(folder: Path, named: dict[str, str]) -> list[str]:
    strangers = sorted(one for one in folder.iterdir() if one.is_file() and one.name not in set(named.values()))
    if not strangers:
        return []
    wrong = {digest: folder / name for digest, name in named.items() if not _is(folder / name, digest)}
    done = []
    for stranger in strangers:
        if not wrong:
            break
        file = wrong.pop(file_sha256(stranger), None)
        if file is not None:
            adopt(stranger, file)
            done.append(f"{folder.name}/{stranger.name} is {folder.name}/{file.name}, and has its name again")
    return done


def _is(file: Path, digest: str) -> bool:
    return file.is_file() and file_sha256(file) == digest
