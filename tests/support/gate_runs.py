"""A gate in small, and a stand-in for the processes that it starts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tradai_tasks.release.engine.evidence import Evidence, Store, Subject
from tradai_tasks.release.engine.gates import (
    SessionGate,
)
from tradai_tasks.release.engine.step import Look
from tradai_tasks.sandbox import Sandbox

SUBJECT = Subject(tag="momentum-v1.0.0", commit="a" * 40, lock="b" * 64)
Script = Callable[[list[str]], int]


class Door:
    """Takes the place of `run_logged`: records what would run, and answers by a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.ran: list[list[str]] = []
        self.env: dict[str, str] = {}

    def __call__(  # noqa: PLR0913 - the signature of what it stands for
        self, argv: Sequence[str], *, cwd: Path, log: BinaryIO, env: Any, stop: threading.Event,
        sandbox: Sandbox | None, pass_fds: Sequence[int],
    ) -> int:  # fmt: skip
        assert argv[argv.index("--report") + 1] == f"/dev/fd/{pass_fds[0]}"
        self.sandbox = sandbox
        self.ran.append(list(argv))
        self.env = dict(env)
        log.write(b"".join(b"line %d\n" % n for n in range(100)))
        assert cwd.is_dir()
        assert not stop.is_set()
        return self.script(list(argv))


def report(argv: list[str], *results: tuple[str, str, str | None]) -> None:
    sessions = [
        {"name": name.partition("(")[0], "signatures": [name], "result": result, "reason": reason}
        for name, result, reason in results
    ]
    file = Path(argv[argv.index("--report") + 1])
    file.write_text(json.dumps({"sessions": [{**one, "duration": 1.5} for one in sessions]}))


def passing(argv: list[str]) -> int:
    report(argv, *((name, "success", None) for name in argv[argv.index("-s") + 1 :]))
    return 0


def gate(home: Path, stage: str = "lint", **changed: Any) -> SessionGate:
    given: dict[str, Any] = {
        "name": "momentum",
        "stage": stage,
        "sessions": (f"{stage}(momentum)",),
        "noxfile": home / "noxfile.py",
        "store": Store(folder=home / "build", subject=SUBJECT, key=b"k" * 32),
        "stop": threading.Event(),
        "show": lambda _: None,
        "env": {"PATH": "/bin"},
    }
    return SessionGate(**{**given, **changed})


def keep(store: Store, stage: str, look: Look) -> None:
    store.write(
        Evidence(
            stage=stage, tag=SUBJECT.tag, commit=SUBJECT.commit, lock=SUBJECT.lock,
            verdict="passed", steps={"momentum": look},
        )
    )  # fmt: skip
