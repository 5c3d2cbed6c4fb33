"""Looking for secrets in whatever a run has left: files, archives in archives, arguments."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Recorder", "contents", "files_with", "left_behind", "watched"]

# Run by every Python that is started: notes what it starts in turn, and with which environment.
_HOOK = """\
import json, os, sys

def _note(event, given):
    if event == "subprocess.Popen":
        program, argv, _, env = given
        argv = [argv] if isinstance(argv, (str, bytes)) else argv
        words = [os.fsdecode(word) for word in argv]
        env = {os.fsdecode(k): os.fsdecode(v) for k, v in dict(env or os.environ).items()}
        line = json.dumps({"argv": words, "env": env}) + "\\n"
        file = os.open(os.environ["RECORDED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, line.encode())
        os.close(file)

if os.environ.get("RECORDED"):
    sys.addaudithook(_note)
"""


@dataclass
class Recorder:
    """Notes each command that a run starts, below whatever else."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "sitecustomize.py").write_text(_HOOK)

    @property
    def env(self) -> dict[str, str]:
        """What a run needs to be recorded."""
        return {"PYTHONPATH": str(self.folder), "RECORDED": str(self.folder / "commands")}

    def commands(self) -> list[tuple[list[str], dict[str, str]]]:
        """Each command with its environment."""
        lines = (self.folder / "commands").read_text().splitlines()
        return [(one["argv"], one["env"]) for one in map(json.loads, lines)]


@contextmanager
def watched(seconds: float = 0.03) -> Iterator[set[str]]:
    """Yield the command lines of all processes, as anybody on the machine can see them."""
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(seconds):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):  # it has ended meanwhile
                    seen.add(file.read_bytes().decode("utf-8", "replace"))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def contents(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every file of an archive and of the archives in it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            data = file.read()
            yield member.name, data
            if member.name.endswith(".tar"):
                yield from contents(data)


def left_behind(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below some folders; of one that is compressed also what is in it."""
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                data = file.read_bytes()
                yield str(file), data
                if data[:2] == b"\x1f\x8b":
                    yield f"{file} (decompressed)", gzip.decompress(data)


def files_with(secrets: Iterable[str], found: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return the names of those that hold any of some secrets."""
    wanted = [secret.encode() for secret in secrets]
    return [name for name, data in found if any(secret in data for secret in wanted)]
