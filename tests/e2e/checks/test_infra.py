"""`infra` with the example's own script, a fake `pulumi`, and a loopback GitHub.

`pulumi` is an executable of ours on PATH, which prints what the real one prints: the real one is
not to be had everywhere.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.github_api import TOKEN, GitHub, github
from tests.support.inprocess import InProcess, Ran, run
from tests.support.real import EXAMPLES, copy_example
from tradai_tasks.infra.pull_request_comment import MARK

__all__ = ["run"]

FAKE = """#!{python}
import json, os, pathlib, sys, time
home = pathlib.Path(__file__).parent
words = sys.argv[1:]
stack, layer = words[words.index("--stack") + 1], words[words.index("--cwd") + 1]
# as the real one makes an environment for its program where there is none: two at once fail
venv, making = home / layer.replace("/", "-"), home / (layer.replace("/", "-") + ".making")
if not venv.exists():
    making.mkdir()
    time.sleep(0.2)
    making.rmdir()
    venv.mkdir()
with (home / "ran").open("a") as ran:
    ran.write(json.dumps(words) + "\\n")
name = f"{{stack}} {{layer.rpartition('/')[2]}}"
told = json.loads((home / "told.json").read_text()).get(name, {{}})
sys.stderr.write(told.get("err", ""))
if "out" in told:
    sys.stdout.write(told["out"])
elif not told.get("status"):
    counts = told.get("counts", {{"same": 3}})
    print(json.dumps({{"steps": told.get("steps", []), "changeSummary": counts}}, indent=4))
sys.exit(told.get("status", 0))
"""


class Place:
    """The example with a fake Pulumi, a pull request and a GitHub to say it to."""

    def __init__(self, run: InProcess, hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run, self.hub, self.monkeypatch = run, hub, monkeypatch
        self.tools = run.home / "tools"
        self.tools.mkdir()
        program = self.tools / "pulumi"
        program.write_text(FAKE.format(python=sys.executable))
        program.chmod(0o755)
        self.tell({})
        run.home = copy_example("tradai-uv", run.home / "platform")
        monkeypatch.setenv("PATH", f"{self.tools}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("GITHUB_API_URL", hub.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/platform")
        self.event()

    def tell(self, told: dict[str, Any]) -> None:
        (self.tools / "told.json").write_text(json.dumps(told))

    def event(self, head: str = "acme/platform") -> None:
        sides = {"head": head, "base": "acme/platform"}
        request = {name: {"repo": {"full_name": repo}} for name, repo in sides.items()}
        file = self.tools / "event.json"
        file.write_text(json.dumps({"pull_request": {"number": 12, **request}}))
        self.monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))

    @property
    def ran(self) -> list[list[str]]:
        file = self.tools / "ran"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def __call__(self, *args: str) -> Ran:
        ran = self.run("-s", "infra", "--", *args)
        assert "Traceback" not in ran.log
        shown = (ran.log + ran.out).replace(f"::add-mask::{TOKEN}", "")  # which GitHub never shows
        assert TOKEN not in shown
        return ran


@pytest.fixture
def place(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with github() as hub:
        yield Place(run, hub, monkeypatch)


def test_a_preview_of_all_stacks_and_one_comment_edited_in_place(place: Place) -> None:
    place.tell(
        {
            "dev infra": {"counts": {"create": 2, "same": 1}},
            "prod compute": {
                "counts": {"delete": 1, "update": 4},
                "steps": [{"op": "delete", "urn": "urn:pulumi:prod::x::aws:s3:Bucket::logs"}],
            },
        }
    )
    place.hub.add("a person's words")
    place.hub.add(f"{MARK}\nforged by a person")
    place.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    first = place("preview", "--comment")
    assert first.status == 0, first.log
    assert "the comment on #12 was made" in first.log
    (comment,) = place.hub.comments[2:]
    assert (
        "| dev | 2 | 0 | 0 | 0 |\n| prod | 0 | 4 | 1 | 0 |\n| staging | 0 | 0 | 0 | 0 |"
        in (comment["body"])
    )
    assert "- `delete aws:s3:Bucket logs`" in comment["body"]
    assert place.hub.comments[1]["body"].endswith("forged by a person")
    place.tell({})
    second = place("preview", "--comment")
    assert "the comment on #12 was edited" in second.log
    assert len(place.hub.comments) == 3
    assert "| dev | 0 | 0 | 0 | 0 |" in comment["body"]


def test_each_stack_in_a_job_of_its_own_and_one_comment_on_all(place: Place) -> None:
    place.tell({"prod compute": {"counts": {"delete": 1}, "steps": [
        {"op": "delete", "urn": "urn:pulumi:prod::x::aws:s3:Bucket::logs"}]}})  # fmt: skip
    folders = place.run.home / "previews"
    for stack in ("dev", "prod"):
        ran = place("preview", stack, "--save", f"previews/preview-{stack}")
        assert ran.status == 0, ran.log
    missing = place("comment", "--from", "previews")
    assert missing.status == 1
    assert "staging: no preview in previews; save one with: nox -s infra -- preview" in missing.log
    assert place.hub.comments == []
    place("preview", "staging", "--save", "previews/preview-staging")
    count = len(place.ran)
    done = place("comment", "--from", "previews")
    assert done.status == 0, done.log
    assert len(place.ran) == count  # nothing is previewed once more
    (comment,) = place.hub.comments
    assert "| dev | 0 | 0 | 0 | 0 |\n| prod | 0 | 0 | 1 | 0 |" in comment["body"]
    assert "- `delete aws:s3:Bucket logs`" in comment["body"]
    (folders / "preview-dev/dev.json").write_text('{"stack": "prod", "counts": {}, "layers": 1}')
    assert "is of another stack; make it again" in place("comment", "--from", "previews").log
    (folders / "preview-dev/dev.json").write_text('{"stack": 1}')
    assert "dev.json: cannot be read: " in place("comment", "--from", "previews").log
    for args, said in (
        (["comment"], "comment needs --from DIR"),
        (["preview", "dev", "--from", "x"], "--save goes with preview, and --from with comment"),
        (["up", "dev", "--save", "x", "--yes"], "--save goes with preview"),
    ):
        assert said in place(*args).log
    place.event(head="evil/platform")
    assert "a fork gets no credentials" in place("comment", "--from", "previews").log


def test_the_first_stack_that_passes_sets_up_the_folder_for_the_others(place: Place) -> None:
    ran = place("preview")
    assert ran.status == 0, ran.log
    for made in place.tools.glob("infra*"):
        made.rmdir()
    place.tell({"dev infra": {"status": 1, "err": "error: no dev\n"}})
    ran = place("preview")
    assert "dev: pulumi preview failed (exit status 1): no dev" in ran.log
    assert "making" not in ran.log
    assert {words[words.index("--stack") + 1] for words in place.ran[-5:]} == {
        "dev",
        "prod",
        "staging",
    }


def test_the_comment_is_found_on_a_later_page(place: Place) -> None:
    for number in range(150):
        place.hub.add(f"{number}")
    place.hub.add(f"{MARK}\nold", "Bot")
    assert "was edited" in place("preview", "dev", "--comment").log
    assert len(place.hub.comments) == 151


def test_a_preview_as_json_and_by_name(place: Place) -> None:
    place.tell({"staging infra": {"counts": {"replace": 1}}})
    ran = place("preview", "staging", "--json")
    assert json.loads(ran.out) == {"staging": {"create": 0, "update": 0, "delete": 0, "replace": 1}}
    assert [one[0] for one in place.ran] == ["preview", "preview"]  # both layers
    assert place.hub.requests == []


def test_up_needs_a_stack_and_a_yes(place: Place) -> None:
    for args, said in (
        (["up"], "up needs one stack by name"),
        (["up", "dev", "prod", "--yes"], "up needs one stack by name"),
        (["up", "dev"], "then add --yes"),
        (["up", "dev", "--yes", "--comment"], "--comment is for a preview"),
        (["preview", "prd"], "no stack is called 'prd'; did you mean 'prod'?"),
        (["destroy", "dev"], "invalid choice: 'destroy'"),
    ):
        ran = place(*args)
        assert ran.status == 1
        assert said in " ".join(ran.log.split())
    assert place.ran == []
    dry = place("up", "dev", "--dry-run")
    assert dry.out.endswith("infra/pulumi-ci.sh up dev --json\n")
    assert place.ran == []
    place.tell({"dev compute": {"counts": {"update": 2}}})
    ran = place("up", "dev", "--yes")
    assert ran.status == 0, ran.log
    assert [one[0] for one in place.ran] == ["up", "up"]
    assert all("--yes" in one for one in place.ran)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {"status": 255, "err": "error: the stack is currently locked by 1 lock(s). Wait\n"},
            ["prod: its state is locked by another run", "pulumi cancel --stack prod"],
        ),
        (
            {"status": 255, "out": '{"diagnostics": [{"severity": "error", "message": "no"}]}'},
            ["prod: pulumi preview failed (exit status 255): no"],
        ),
        ({"status": 1, "err": "error: failed to decrypt: incorrect passphrase\n"}, ["passphrase"]),
        ({"out": "Previewing update (prod)\n"}, ["printed something else than JSON"]),
        ({"out": ""}, ["summary"]),
        ({"counts": {"conjure": 1}}, ["an operation 'conjure' that is not known here"]),
    ],
)
def test_a_stack_that_fails_half_way_leaves_no_comment(
    place: Place, told: dict[str, Any], words: list[str]
) -> None:
    both = {"prod infra": told, "prod compute": told} if told == {"out": ""} else {}
    place.tell({"prod compute": told, **both})
    place.hub.add(f"{MARK}\nold", "Bot")
    ran = place("preview", "--comment")
    assert ran.status == 1
    for word in words:
        assert word in " ".join(ran.log.split())
    assert place.hub.requests == []
    assert place.hub.comments[0]["body"].endswith("old")


def test_every_stack_that_fails_is_named(place: Place) -> None:
    place.tell({f"{name} infra": {"status": 1, "err": f"error: no {name}\n"} for name in
                ("dev", "prod")})  # fmt: skip
    ran = place("preview", "--comment")
    assert ran.status == 1
    assert "dev: pulumi preview failed (exit status 1): no dev" in ran.log
    assert "prod: pulumi preview failed (exit status 1): no prod" in ran.log


def test_an_update_that_fails_says_how_to_finish(place: Place) -> None:
    place.tell({"dev compute": {"status": 1, "err": "error: update failed\n"}})
    ran = place("up", "dev", "--yes")
    assert ran.status == 1
    assert "what is done is done: run it again to finish" in " ".join(ran.log.split())


@pytest.mark.parametrize(
    ("method", "fault", "good"),
    [
        ("GET", 502, True),
        ("GET", "drop", True),
        ("POST", 503, True),
        ("POST", "lost", True),  # the comment that was made is found, and not made twice
        ("POST", 403, False),
        ("GET", 422, False),
        ("GET", "html", False),
    ],
)
def test_faults_of_github(place: Place, method: str, fault: int | str, good: bool) -> None:
    place.hub.faults.append((method, fault))
    ran = place("preview", "dev", "--comment")
    assert (ran.status == 0) == good, ran.log
    assert len(place.hub.comments) == int(good)
    if not good:
        assert "acme/platform#12: " in ran.log
        again = place("preview", "dev", "--comment")
        assert again.status == 0
        assert len(place.hub.comments) == 1


def test_github_that_is_down(place: Place) -> None:
    place.hub.faults += [("GET", 503)] * 10
    ran = place("preview", "dev", "--comment")
    assert ran.status == 1
    assert "no comment made: GitHub answers with status 503; run it again" in " ".join(
        ran.log.split()
    )


def test_a_pull_request_from_a_fork(place: Place) -> None:
    place.event(head="evil/platform")
    ran = place("preview", "--comment")
    assert ran.status == 1
    assert "pull request of 'evil/platform': a fork gets no credentials" in ran.log
    assert place.ran == []
    assert place.hub.requests == []


def test_what_is_missing(place: Place) -> None:
    place.monkeypatch.delenv("GITHUB_TOKEN")
    ran = place("preview", "--comment")
    assert ran.status == 1
    assert "GITHUB_TOKEN is not set" in ran.log
    script = place.run.home / "infra/pulumi-ci.sh"
    script.chmod(0o644)
    assert "is not executable; fix with: chmod +x infra/pulumi-ci.sh" in place("preview").log
    script.unlink()
    assert "infra/pulumi-ci.sh: no such file" in place("preview").log
    (place.tools / "pulumi").unlink()
    script.write_bytes((EXAMPLES / "tradai-uv/infra/pulumi-ci.sh").read_bytes())
    script.chmod(0o755)
    path = Path("/usr/bin") / "pulumi"
    if not path.exists():
        assert "pulumi: not found on PATH" in place("preview").log
