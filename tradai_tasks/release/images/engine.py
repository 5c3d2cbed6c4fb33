"""Build and push images with docker or podman, with a login of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.environment_allowance import BASE_ONLY, Allowance
from tradai_tasks.errors import (
    EngineError,
    ImageBuildError,
    LoginRefusedError,
    RegistryError,
    SettingsError,
)
from tradai_tasks.files.path_guard import require_inside, write_below
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.process import Completed, run, run_logged
from tradai_tasks.release.images.engine_commands import (
    Build,
    Builder,
    ContainerEngine,
    build_argv,
    build_env,
    login_argv,
    push_argv,
    push_fault,
)
from tradai_tasks.report import say

_SCRATCHES = "tradai-tasks-"
_SCRATCH = f"{_SCRATCHES}login-"
_MADE_BY = re.compile(r"[a-z]+-([1-9][0-9]{0,9})-", re.ASCII)  # the id of a process
# variables that configure an engine; a build gets none of them
_OWN = ("DOCKER_", "BUILDKIT_", "BUILDX_", "CONTAINERS_", "CONTAINER_", "PODMAN_", "STORAGE_")
_START_SECONDS = 600.0  # for a start of freqtrade
_SHOWN = 25  # last lines of a failed build to show
_BUILT_IN = 23  # first docker whose client has BuildKit only as a plugin
_VERSION = "{{.Client.Version}} {{.Server.Os}}/{{.Server.Arch}}"
_START = "start it (systemctl start docker, or Docker Desktop), or say where it is by DOCKER_HOST"


def find_engine(wanted: str, env: Mapping[str, str], cwd: Path) -> ContainerEngine:
    """Return the container engine to use: `docker`, `podman` or, with `auto`, one that answers.

    Raises:
        EngineError: No engine is found, or it does not answer.
    """
    path = env.get("PATH", os.defpath)
    names = ("docker", "podman") if wanted == "auto" else (wanted,)
    program = next((name for name in names if shutil.which(name, path=path)), None)
    if program is None:
        raise EngineError(
            f"{' and '.join(names)}: not found on PATH; install a container engine, such as "
            f"docker, and start it"
        )
    return _podman(env, cwd) if program == "podman" else _docker(env, cwd)


def _podman(env: Mapping[str, str], cwd: Path) -> ContainerEngine:
    argv = ["podman", "info", "--format", "{{.Host.OS}}/{{.Host.Arch}}"]
    done = run(argv, cwd=cwd, env=env, check=False)
    if done.returncode != 0:
        raise EngineError(f"podman: does not work: {_last(done)}; try: podman info")
    return ContainerEngine(program="podman", builder="podman", platform=done.text.strip())


def _docker(env: Mapping[str, str], cwd: Path) -> ContainerEngine:
    done = run(["docker", "version", "--format", _VERSION], cwd=cwd, env=env, check=False)
    version, _, platform = done.text.strip().partition(" ")
    if done.returncode != 0 or not platform:
        raise EngineError(f"docker: the engine does not answer: {_last(done)}; {_START}")
    builder: Builder = "legacy"
    if run(["docker", "buildx", "version"], cwd=cwd, env=env, check=False).returncode == 0:
        builder = "buildx"
    elif (major := re.match(r"\d+", version)) and int(major[0]) < _BUILT_IN:
        builder = "buildkit"
    return ContainerEngine(program="docker", builder=builder, platform=platform)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """The result of a push."""

    fault: str | None  # None if it succeeded, else from `push_fault`
    said: str  # last line of the engine's output


class Containers:
    """A container engine, logged in to one registry; safe to use from several threads.

    The login is kept in a temporary folder that `close` removes, or `sweep` after a killed process.
    """

    def __init__(  # noqa: PLR0913 - what an engine's commands depend on
        self,
        host: str,
        *,
        wanted: str,
        root: Path,
        reports: Path,
        env: Mapping[str, str],
        credentials: Callable[[], Credentials | None],
        remedy: str,
        insecure: bool,
        stop: threading.Event | None = None,
        allowance: Allowance = BASE_ONLY,
        scratch: Path | None = None,
    ) -> None:
        """Store the arguments; the engine is looked for when first needed.

        Args:
            wanted: `docker`, `podman` or `auto`.
            reports: Folder for the output of builds; created when needed.
            credentials: Called when the engine logs in.
            remedy: What to do if the credentials are refused, for messages.
            insecure: Whether the registry uses http.
            allowance: Variables of the environment that the engine gets besides its own.
            scratch: Where to create the login folder; the system's temporary folder if None.
        """
        secrets = [variable for variable in env if variable.startswith(_OWN)]
        self._allowance = allowance.also(*secrets)
        self._login_home = scratch
        self._stop = stop
        self._host, self._wanted, self._root, self._reports = host, wanted, root, reports
        self._env, self.credentials = dict(env), credentials
        self.remedy, self._insecure = remedy, insecure
        self._lock = threading.Lock()
        self._ready: list[ContainerEngine] = []
        self._scratch: Path | None = None

    def close(self) -> None:
        """Remove the login."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch)
            self._scratch = None

    def build(self, build: Build, name: str) -> None:
        """Build an image; the output goes to `<reports>/<name>.log`.

        Raises:
            EngineError: The engine is missing, does not answer or cannot do this.
            ImageBuildError: The build failed.
            StoppedError: The build was stopped.
            SettingsError: A build secret is not set in the environment.
        """
        missing = [one.env for one in build.secrets if not self._env.get(one.env)]
        if missing:
            raise SettingsError(
                f"images.secrets: {', '.join(missing)}: not set in the environment, and the build "
                f"of {name} reads it"
            )
        engine = self._engine()
        env = {**self._engine_env(), **build_env(engine)}
        env |= {one.env: self._env[one.env] for one in build.secrets}
        hidden = [self._env[one.env] for one in build.secrets]
        argv = build_argv(engine, build)
        status, output = self._logged(argv, env)
        output = _masked(output, hidden)
        log = require_inside(self._root, self._reports / f"{name}.log")
        self._reports.mkdir(parents=True, exist_ok=True)
        write_below(self._reports, log.name, output.encode("utf-8", "replace"))
        if status != 0:
            lines = [line for line in output.splitlines() if line.strip()] or ["no output"]
            say(*lines[-_SHOWN:], file=sys.stderr)
            root = build.root or self._root
            raise ImageBuildError(
                f"{name}: its image does not build: {lines[-1].strip()[:200]}; check "
                f"{_shown(build.dockerfile, root)} and its context "
                f"{_shown(build.context, root)}; all output is in {_shown(log, self._root)}"
            )

    def _logged(self, argv: list[str], env: Mapping[str, str]) -> tuple[int, str]:
        """Run a build and return its status and output, which may have secrets in it yet."""
        with tempfile.TemporaryFile() as log:
            status = run_logged(argv, cwd=self._root, log=log, env=env, stop=self._stop)
            log.seek(0)
            return status, log.read().decode("utf-8", "replace")

    def command_of(self, image: str) -> tuple[list[str], list[str]]:
        """Return an image's entry point and command; raise EngineError if it is not there."""
        engine = self._engine()
        argv = [engine.program, "image", "inspect", "--format", "{{json .Config}}", image]
        done = run(argv, cwd=self._root, env=self._engine_env(), check=False)
        if done.returncode != 0:
            raise EngineError(f"{engine.program}: {image}: {_last(done)}")
        config = json.loads(done.text)
        return config.get("Entrypoint") or [], config.get("Cmd") or []

    def start(self, image: str, script: bytes, env: Mapping[str, str]) -> tuple[int, str]:
        """Run a Python script in an image, without network; return its status and output.

        The image's `python3` gets the script on standard input.

        Raises:
            CommandFailedError: It took too long.
            StoppedError: It was stopped.
        """
        engine = self._engine()
        argv = [engine.program, "run", "--rm", "--interactive", "--network=none"]
        argv += [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
        argv += ["--entrypoint", "python3", image, "-"]
        done = run(
            argv,
            cwd=self._root,
            env=self._engine_env(),
            stdin=script,
            check=False,
            timeout=_START_SECONDS,
            stop=self._stop,
        )
        return done.returncode, f"{done.text}\n{done.error_text}"

    def push(self, image: str) -> Pushed:
        """Push an image and return the result.

        Raises:
            EngineError: The engine is missing or does not answer.
            StoppedError: It was stopped; layers that have arrived need not be sent again.
        """
        engine = self._engine()
        argv = push_argv(engine, image, insecure=self._insecure)
        done = run(argv, cwd=self._root, env=self._engine_env(), check=False, stop=self._stop)
        if done.returncode == 0:
            return Pushed(fault=None, said="")
        return Pushed(fault=push_fault(done.text + done.error_text), said=_last(done))

    def _engine(self) -> ContainerEngine:
        """Return the engine, logged in."""
        with self._lock:
            if not self._ready:
                given = self._allowance.given(self._env)
                engine = find_engine(self._wanted, given, self._root)
                place = tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-", dir=self._login_home)
                self._scratch = Path(place)
                _write_config(self._scratch, self._host, self._env)
                self._login(engine)
                self._ready.append(engine)
            return self._ready[0]

    def _engine_env(self) -> dict[str, str]:
        scratch = str(self._scratch)
        auth = str(Path(scratch) / "config.json")
        given = self._allowance.given(self._env)
        return {**given, "DOCKER_CONFIG": scratch, "REGISTRY_AUTH_FILE": auth}

    def _login(self, engine: ContainerEngine) -> None:
        known = self.credentials()
        if known is None:
            return
        argv = login_argv(engine, self._host, known.username, insecure=self._insecure)
        done = run(
            argv,
            cwd=self._root,
            env=self._engine_env(),
            stdin=known.password.encode(),
            check=False,
            stop=self._stop,
        )
        if done.returncode == 0:
            return
        said = _masked(_last(done), [known.password])
        if push_fault(said) == "denied" or "401" in said or "403" in said:
            raise LoginRefusedError(f"{self._host}: login refused: {said}; {self.remedy}")
        raise RegistryError(f"{self._host}: {engine.program} login failed: {said}")


def _write_config(scratch: Path, host: str, env: Mapping[str, str]) -> None:
    """Write the engine's configuration: the user's, without a store for the new login.

    An entry for the host keeps docker from storing the password in a key ring.
    """
    given = env.get("DOCKER_CONFIG")
    home = Path(given) if given else Path(env.get("HOME") or Path.home()) / ".docker"
    try:
        theirs = json.loads((home / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        theirs = {}
    theirs = theirs if isinstance(theirs, dict) else {}
    store = theirs.pop("credsStore", None)
    auths = {name: one for name, one in (theirs.get("auths") or {}).items() if name != host}
    helpers = {name: one for name, one in (theirs.get("credHelpers") or {}).items() if name != host}
    if store:  # credential helpers may still be read, but not written to
        helpers = {**{name: store for name, one in auths.items() if not one}, **helpers}
    config = {**theirs, "auths": {**auths, host: {}}, "credHelpers": helpers}
    (scratch / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for name in ("contexts", "cli-plugins", "buildx"):
        if (home / name).is_dir():
            (scratch / name).symlink_to((home / name).resolve(), target_is_directory=True)


def sweep(home: Path | None = None) -> None:
    """Remove what killed processes have left behind: logins and sources of images."""
    # other users can create such folders there, so the owner is checked as well as the name
    for folder in (home or Path(tempfile.gettempdir())).glob(f"{_SCRATCHES}*-*"):
        made_by = _MADE_BY.match(folder.name.removeprefix(_SCRATCHES))
        if made_by and _is_own(folder) and not _is_alive(int(made_by[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _last(done: Completed) -> str:
    lines = (done.error_text or done.text.strip()).splitlines()
    return lines[-1].strip()[:300] if lines else f"exit status {done.returncode}"


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
