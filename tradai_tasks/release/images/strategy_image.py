"""Compare a strategy's image with what was backtested, before it is pushed.

The image is started once, without network: freqtrade must load the strategy, and have every package
of the backtest in the same version. Packages from folders are compared file by file with the wheels
that were built for the image.
"""

from __future__ import annotations

import json
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tradai_tasks.backtest.config_secrets import (
    Read,
    config_files,
    is_config,
    parse_config,
    secret_keys,
    secret_variables,
)
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.errors import BacktestError, ConfigSecretError, ConflictError, ImageDiffersError
from tradai_tasks.release.engine.gates import backtest_of
from tradai_tasks.release.engine.step import Known
from tradai_tasks.release.images import image_probe
from tradai_tasks.release.images.engine import Containers
from tradai_tasks.release.images.image_decisions import SOURCES

_SHOWN = 3  # differences that are named
_KEPT = ("--config", "-c", "--strategy-path", "--userdir", "--user-data-dir")


class _Package(msgspec.Struct, frozen=True):
    version: str
    files: Mapping[str, str]  # path -> SHA-256, as in the package's RECORD


class ImageFindings(msgspec.Struct, frozen=True, kw_only=True):
    """What a started image reports of itself."""

    freqtrade: str | None  # path of the program
    packages: Mapping[str, _Package]
    files: Mapping[str, str]  # possible configurations, with their texts
    env: Mapping[str, str]  # variables that freqtrade reads
    status: int | None = None  # of `freqtrade list-strategies`
    out: str = ""
    err: str = ""
    unloaded: tuple[str, ...] = ()  # lines of `err` on the strategy's own files


@dataclass(frozen=True, kw_only=True, slots=True)
class StrategyJudge:
    """Judge of a strategy's image by the record of its backtest."""

    slug: str
    stage: str  # the stage whose evidence has the record

    def judge_remote(self, known: Known, image: str, labels: Mapping[str, str]) -> None:
        """Check that an image in the registry is of the packages that were backtested.

        Raises:
            ConflictError: It holds another commit of one; both are named.
        """
        if not known.get(self.stage, {}).get(self.slug):
            return  # the backtest is to run; the image is judged after it
        record = backtest_of(known, self.stage, self.slug)
        try:
            theirs = msgspec.json.decode(labels.get(SOURCES) or "{}", type=dict[str, str])
        except msgspec.DecodeError:
            theirs = {}
        for name, commit in record.sources.items():
            if theirs.get(name, commit) != commit:
                raise ConflictError(
                    f"{image}: holds {name} of commit {theirs[name][:12]}, and the backtest ran "
                    f"with {commit[:12]}; a released tag is never overwritten: release a higher "
                    f"version, or check out the former"
                )

    def judge_built(
        self, known: Known, engine: Containers, image: str, wheels: Sequence[Path]
    ) -> None:
        """Start an image and compare it with the backtest.

        Raises:
            ImageDiffersError: It does not load the strategy, or holds something else.
            ConfigSecretError: A secret is in it.
        """
        record = backtest_of(known, self.stage, self.slug)
        found = _findings(engine, image, record.strategy_class)
        faults = config_faults(found.files, found.env)
        if faults:
            raise ConfigSecretError(*(f"{image}: {fault}" for fault in faults))
        differ = differences(found, record, wheels)
        if differ:
            more = f"; and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
            raise ImageDiffersError(
                f"{image}: is not what was backtested: {'; '.join(differ[:_SHOWN])}{more}; have "
                f"its Dockerfile install what uv.lock pins: pip install --constraint "
                f"wheels/constraints.txt"
            )
        if why := why_not_loaded(found, record.strategy_class):
            raise ImageDiffersError(
                f"{image}: freqtrade in it does not load {record.strategy_class}: {why}"
            )


def why_not_loaded(found: ImageFindings, strategy: str) -> str:
    """Return why freqtrade does not load a strategy, in one line; empty if it does."""
    if found.status == 0 and not found.unloaded and strategy in found.out.split():
        return ""
    lines = [one for one in found.err.splitlines() if one.strip()]
    errors = [one for one in lines if "Could not import" in one or " ERROR " in one]
    return (found.unloaded or errors or lines or ["it printed nothing"])[-1].strip()[-300:]


def _findings(engine: Containers, image: str, strategy: str) -> ImageFindings:
    """Start an image and return what it reports."""
    order = {"argv": list_arguments(*engine.command_of(image)), "strategy": strategy}
    script = Path(image_probe.__file__).read_bytes()
    status, said = engine.start(image, script, {"TRADAI_TASKS_PROBE": json.dumps(order)})
    line = next((one for one in said.splitlines() if one.startswith(image_probe.MARK)), None)
    try:
        if line is not None:
            return msgspec.json.decode(line.removeprefix(image_probe.MARK), type=ImageFindings)
        why = (said.strip().splitlines() or ["it printed nothing"])[-1][:200]
    except msgspec.DecodeError as error:
        why = str(error)
    raise ImageDiffersError(
        f"{image}: cannot be compared with what was backtested: its python3 ended with status "
        f"{status}: {why}"
    )


def list_arguments(entrypoint: Sequence[str], command: Sequence[str]) -> list[str]:
    """Return freqtrade's arguments that list the strategies which an image's command would load."""
    words = [*entrypoint, *command]
    found = ["list-strategies", "--one-column", "--no-color"]
    for number, word in enumerate(words):
        name, equals, _ = word.partition("=")
        if name in _KEPT:
            found += [word] if equals else words[number : number + 2]
    return found


def differences(found: ImageFindings, record: BacktestRecord, wheels: Sequence[Path]) -> list[str]:
    """Return how an image differs from the backtest, most important first."""
    if found.freqtrade is None:
        return ["freqtrade is not in the image"]
    differ = []
    names = sorted(record.packages, key=lambda name: (name != "freqtrade", name))
    for name in names:
        wanted, held = record.packages[name], found.packages.get(name)
        if held is None:
            differ.append(f"{name} {wanted} is missing from the image")
        elif held.version != wanted:
            differ.append(f"{name} is {held.version} in the image and {wanted} in the backtest")
    for wheel in wheels:
        name = wheel.name.split("-")[0].replace("_", "-").lower()
        held = found.packages.get(name)
        if held is None:
            continue
        other = [
            path for path, digest in _contents(wheel).items() if held.files.get(path) != digest
        ]
        if other:
            differ.append(f"{name} in the image is not the one backtested: {other[0]} is another")
    return differ


def _contents(wheel: Path) -> dict[str, str]:
    """Return the SHA-256 of a wheel's files of code and data, as RECORD has them."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".dist-info/" not in name and not name.endswith("/"):
                digest = sha256(archive.read(name)).digest()
                found[name] = urlsafe_b64encode(digest).decode().rstrip("=")
    return found


def config_faults(
    files: Mapping[str, str],
    env: Mapping[str, str],
    read: Read | None = None,
    configs: Iterable[str] = (),
) -> list[str]:
    """Return the secrets in configurations, in files of variables and in an environment.

    `files` are texts by path: JSON, `.env` files and Dockerfiles. `read` reads files that
    configurations add (`add_config_files`), wherever they are; None if these are among `files`.
    `configs` are paths of further configurations, whatever their names, for `read`.

    Raises:
        BacktestError: An added file does not parse, or they add each other without end.
    """
    advice = "take it out, and have the live bot get it from an environment variable (FREQTRADE__*)"
    found = []
    parsed = {p: _document(text, p) for p, text in files.items() if p.endswith(".json")}
    documents = {path: document for path, document in parsed.items() if is_config(document)}
    if read is not None:
        for path in (*documents, *configs):
            documents |= config_files(path, read)
    named = {path: secret_keys(document) for path, document in documents.items()}
    for path in files.keys() - parsed.keys():
        words = [word for line in files[path].splitlines() for word in _assignments(line)]
        named[path] = secret_variables(iter(words))
    for path, names in sorted(named.items()):
        found += [f"{path}: holds a secret, {name}; {advice}" for name in names]
    names = secret_variables(f"{name}={value}" for name, value in env.items())
    return found + [f"its environment holds a secret, {name}; {advice}" for name in names]


def _document(text: str, path: str) -> Any:
    """Return a JSON document; None if freqtrade cannot read it either."""
    try:
        return parse_config(text, path)
    except BacktestError:
        return None


def _assignments(line: str) -> list[str]:
    """Return the assignments in a line of a file of variables, or in ENV of a Dockerfile."""
    plain = line.strip()
    words = plain.split()
    if words and words[0].upper() in {"ENV", "ARG"}:
        pairs = [word for word in words[1:] if "=" in word]
        return pairs or ["=".join(words[1:3])]
    return [plain]
