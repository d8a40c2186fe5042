"""`verify --repair`: each kind of damage is said, mended or named; a repair that is killed is done again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.checking.findings import look
from daemon.checking.repair import repair
from daemon.config import load
from model.publishing.repository import Repository
from model.store.ledger import Ledger
from tests.support.learners import Crash, CrashAt
from tests.support.manifests import artefact_bytes, manifest_of
from tests.support.windows import labelled, open_state, published, window

NOW_MS = 1_790_000_100_000


def publish_next(state, repository, *, finish: bool = True) -> None:
    """Commit a round that publishes; without `finish` the process ends before the publication."""
    start = max(state.ledger.positions().values(), default=0)
    claim = state.claim(window(labelled(range(start, start + 40)), start), seed=7, state=state.ledger.current_state())
    data = artefact_bytes(claim.version)
    manifest = replace(manifest_of(claim.version, data), round=claim.round)
    staged = repository.stage_dir(claim.round)
    (staged / "model.onnx").write_bytes(data)
    repository.seal(staged, manifest)
    commit = published(state, claim)
    new = replace(commit.version, manifest=manifest.to_dict(), sha256=manifest.file.sha256)
    state.commit(claim, replace(commit, version=new))
    if finish:
        repository.publish(claim.version, staged, manifest)
        state.mark_published(claim.version)


@pytest.fixture
def place(tmp_path) -> Path:
    """A state and its repository with three versions."""
    with (
        open_state(tmp_path / "state") as state,
        Repository(tmp_path / "models", "default").open(state.ledger.state_id()) as repository,
    ):
        for _ in range(3):
            publish_next(state, repository)
    return tmp_path


@pytest.fixture
def home(place) -> Path:
    return place / "models" / "default"


@pytest.fixture
def mend(run, place):
    """Repair, hold the answer against `expected` words, and see that a second repair has nothing left to do."""

    def mended(*expected: str, clean: bool = True) -> dict:
        ran = run("verify", "--repair", "--json")
        assert ran.status == (0 if clean else 1), ran.out
        assert ran.json["clean"] is clean
        said = " ".join([*ran.json["repaired"], *ran.json["not_repaired"]])
        assert all(word in said for word in expected), said
        again = run("verify", "--repair", "--json")
        assert again.json["repaired"] == [], "a repair is done once"
        assert again.json["findings"] == ran.json["findings"]
        return ran.json

    return mended


def finds(run, kind: str, *, harmless: bool = False) -> None:
    ran = run("verify", "--json")
    assert [one["kind"] for one in ran.json["findings"] if one["harmless"] is harmless] == [kind], ran.out
    assert ran.status == (0 if harmless else 1)


def champion(home: Path) -> int:
    return int(json.loads((home / "champion.json").read_text())["version"])


def spoil(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def test_where_nothing_is_wrong_nothing_is_done(run, place, mend):
    assert run("verify", "--json").json == {"clean": True, "findings": []}
    assert mend() == {"clean": True, "findings": [], "repaired": [], "not_repaired": []}
    assert "all is well" in run("verify", "--repair").err


@pytest.mark.parametrize("name", ["segments/orphan.seg", "weights/new", "weights/x.safetensors.tmp"])
def test_what_no_row_names_is_swept(run, place, mend, name):
    (place / "state" / name).write_text("half")
    finds(run, "orphan", harmless=True)
    mend(f"swept {name}")
    assert not (place / "state" / name).exists()


def test_what_was_staged_in_vain_is_swept(run, home, mend):
    (home / ".staging" / "77" / "version").mkdir(parents=True)
    finds(run, "orphan_staging", harmless=True)
    mend("round 77")
    assert not (home / ".staging" / "77").exists()


@pytest.mark.parametrize("name", ["champion.json.tmp", ".state_id.tmp", "2/manifest.json.tmp"])
def test_what_a_write_left_behind_is_swept(run, home, mend, name):
    (home / name).write_text("half")
    finds(run, "left_over", harmless=True)
    mend(name)
    assert not (home / name).exists()


def commit_without_publishing(place: Path) -> None:
    with (
        open_state(place / "state") as state,
        Repository(place / "models", "default").open(state.ledger.state_id()) as repository,
    ):
        publish_next(state, repository, finish=False)


def test_what_was_committed_is_published(run, place, home, mend):
    commit_without_publishing(place)
    ran = run("verify", "--json")
    assert ran.json["clean"]
    assert "unpublished" in [one["kind"] for one in ran.json["findings"]]
    mend("published version 4")
    assert champion(home) == 4
    with Ledger.read_only(place / "state") as ledger:
        assert ledger.champion().version == 4
        assert ledger.unpublished() is None


def test_what_was_committed_and_is_gone_is_named(run, place, home, mend):
    commit_without_publishing(place)
    shutil.rmtree(home / ".staging")
    told = mend("version 4 is committed and cannot be published")
    assert len(told["not_repaired"]) == 1
    assert champion(home) == 3


@pytest.mark.parametrize("folder", ["segments", "weights"])
@pytest.mark.parametrize("damage", ["renamed", "spoilt"])
def test_a_file_of_the_state_gets_its_name_back(run, place, mend, folder, damage):
    file = min((place / "state" / folder).iterdir())
    content = file.read_bytes()
    if damage == "renamed":
        file.rename(file.with_name("elsewhere"))
    else:
        file.with_name("elsewhere").write_bytes(content)
        spoil(file)
    finds(run, "missing" if damage == "renamed" else "damaged")
    mend("has its name again")
    assert file.read_bytes() == content


@pytest.mark.parametrize("folder", ["segments", "weights"])
def test_a_file_of_the_state_that_is_gone_is_named(run, place, mend, folder):
    file = min((place / "state" / folder).iterdir())
    file.unlink()
    finds(run, "missing")
    assert "restore" in mend(file.name, clean=False)["not_repaired"][0]


def test_a_damaged_file_of_the_state_stays_a_finding(run, place, mend):
    spoil(min((place / "state" / "segments").iterdir()))
    told = mend(clean=False)
    assert [one["kind"] for one in told["findings"]] == ["damaged"]


def test_a_damaged_database_is_left_alone(run, place, home, mend):
    file = place / "state" / "tidemill.db"
    content = bytearray(file.read_bytes())
    content[8192:12288] = bytes(4096)
    file.write_bytes(content)
    (home / "champion.json").unlink()
    told = run("verify", "--repair", "--json")
    assert told.status == 1
    assert told.json["repaired"] == []
    assert "tidemill.db is damaged" in told.json["not_repaired"][0]
    assert not (home / "champion.json").exists()


@pytest.mark.parametrize("damage", ["gone", "torn"])
@pytest.mark.parametrize("version", [1, 3])
def test_a_manifest_is_written_again_from_the_database(run, home, mend, version, damage):
    file = home / str(version) / "manifest.json"
    before = file.read_bytes()
    file.chmod(0o644)
    file.unlink() if damage == "gone" else file.write_text("{}")
    assert run("verify").status == 1
    mend(f"manifest of version {version}")
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["labels.txt", "config.pbtxt"])
@pytest.mark.parametrize("damage", ["gone", "other"])
def test_what_describes_the_champion_is_written_again(run, home, mend, name, damage):
    before = (home / name).read_bytes()
    (home / name).unlink() if damage == "gone" else (home / name).write_text("other")
    finds(run, "missing_file" if damage == "gone" else "manifest_disagrees")
    mend(name)
    assert (home / name).read_bytes() == before


@pytest.mark.parametrize(
    ("pointer", "kind"),
    [
        (None, "no_champion"),
        ("{", "broken_pointer"),
        ({"version": 9, "sha256": "ab" * 32, "published_at": "2026-11-24T10:00:00Z"}, "pointer_to_missing_version"),
    ],
)
def test_the_pointer_is_written_again(run, home, mend, pointer, kind):
    file = home / "champion.json"
    if pointer is None:
        file.unlink()
    else:
        file.write_text(pointer if isinstance(pointer, str) else json.dumps(pointer))
    assert kind in [one["kind"] for one in run("verify", "--json").json["findings"]]
    mend("champion.json")
    assert champion(home) == 3


def test_a_pointer_that_the_learner_did_not_move_goes_back(run, home, mend):
    sha256 = json.loads((home / "1" / "manifest.json").read_text())["file"]["sha256"]
    pointer = {"version": 1, "sha256": sha256, "published_at": "2026-11-24T10:00:00Z"}
    (home / "champion.json").write_text(json.dumps(pointer))
    assert run("verify").status == 1
    mend("champion.json")
    assert champion(home) == 3


@pytest.mark.parametrize("damage", ["spoilt", "file", "folder"])
def test_a_champion_that_is_not_whole_gives_way_to_the_newest_whole_version(run, place, home, mend, damage):
    if damage == "folder":
        shutil.rmtree(home / "3")
    elif damage == "file":
        (home / "3" / "model.onnx").unlink()
    else:
        spoil(home / "3" / "model.onnx")
    assert run("verify").status == 1
    told = mend("made version 2 champion", clean=False)
    assert champion(home) == 2
    assert "versions: [ 2 ]" in (home / "config.pbtxt").read_text()
    assert "sha256" in told["not_repaired"][0], "what only a backup has is named"
    with Ledger.read_only(place / "state") as ledger:
        assert ledger.champion().version == 2, "the database has the move"


def test_an_older_version_that_is_not_whole_is_named_and_moves_nothing(run, home, mend):
    spoil(home / "1" / "model.onnx")
    finds(run, "digest_mismatch")
    told = mend("1/model.onnx is damaged", clean=False)
    assert told["repaired"] == []
    assert champion(home) == 3


def test_where_no_version_is_whole_the_pointer_stays(run, home, mend):
    for version in (1, 2, 3):
        spoil(home / str(version) / "model.onnx")
    told = mend("no published version is whole", clean=False)
    assert told["repaired"] == []
    assert champion(home) == 3


def test_a_repository_that_lost_its_owner_gets_it_back(run, home, mend):
    before = (home / ".state_id").read_text()
    (home / ".state_id").unlink()
    finds(run, "other_owner")
    mend(".state_id")
    assert (home / ".state_id").read_text() == before


def test_a_repository_of_another_state_is_left_alone(run, home, mend):
    (home / ".state_id").write_text("another\n")
    (home / "labels.txt").unlink()
    told = mend("belongs to another state", clean=False)
    assert told["repaired"] == []
    assert not (home / "labels.txt").exists()


def test_an_unnamed_repository_with_a_strange_version_is_left_alone(run, home, mend):
    (home / ".state_id").unlink()
    shutil.copytree(home / "1", home / "9")
    mend("version 9 is not this state's", clean=False)
    assert not (home / ".state_id").exists()


@pytest.mark.parametrize("which", ["state", "repository"])
def test_beside_a_learner_nothing_is_repaired(run, place, home, which):
    (home / "labels.txt").unlink()
    if which == "state":
        with open_state(place / "state"):
            ran = run("verify", "--repair")
    else:
        state_id = (home / ".state_id").read_text().strip()
        with Repository(place / "models", "default").open(state_id):
            ran = run("verify", "--repair")
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "stop that learner" in ran.err.lower()
    assert not (home / "labels.txt").exists()


def damage_everything(place: Path, home: Path) -> None:
    commit_without_publishing(place)
    (home / "1" / "manifest.json").unlink()
    (home / "champion.json").write_text("{")
    (home / "labels.txt").unlink()
    (home / "champion.json.tmp").write_text("half")
    (place / "state" / "weights" / "new").write_text("half")
    spoil(home / "3" / "model.onnx")


def test_killed_anywhere_a_repair_is_done_again(run, place, home, tmp_path):
    damage_everything(place, home)
    shutil.copytree(place, tmp_path / "copy")
    points = CrashAt()
    mend_in(tmp_path / "copy", points)
    wanted = tree(tmp_path / "copy")
    assert {"after version", "publication.before"} <= set(points.reached)
    for point in sorted(set(points.reached)):
        other = tmp_path / f"killed at {point}"
        shutil.copytree(place, other, ignore=shutil.ignore_patterns("copy", "killed at *"))
        with pytest.raises(Crash):
            mend_in(other, CrashAt(point))
        mend_in(other)
        assert tree(other) == wanted, f"killed at {point}"


def mend_in(place: Path, reached=lambda _point: None) -> None:
    sets = (f"paths.state={place / 'state'}", f"paths.repository={place / 'models'}")
    config = load(file=None, sets=sets).config
    with Ledger.read_only(place / "state") as ledger:
        found = look(config, ledger)
    repair(config, found, lambda: NOW_MS, reached)


def tree(place: Path) -> dict[str, bytes]:
    """Return what readers see, but for the time at which a pointer was written."""
    files = {
        str(file.relative_to(place)): file.read_bytes()
        for file in sorted((place / "models").rglob("*"))
        if file.is_file() and file.name not in (".lock", "champion.json")
    }
    with Ledger.read_only(place / "state") as ledger:
        files["champion"] = str(ledger.champion().version).encode()
    files["pointer"] = str(champion(place / "models" / "default")).encode()
    return files
