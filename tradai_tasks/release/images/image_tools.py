"""Create the registry client, container engine and ECR client that image steps use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.environment_allowance import BASE_ONLY, Allowance
from tradai_tasks.errors import LoginRefusedError
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.release.clients.ecr import PERMISSIONS, Ecr, uses_ecr
from tradai_tasks.release.clients.image_reference import Home, is_loopback
from tradai_tasks.release.clients.registry import Registry
from tradai_tasks.release.clients.registry_http import RegistrySession
from tradai_tasks.release.engine.source_export import SourceExport
from tradai_tasks.release.images.engine import Containers, sweep
from tradai_tasks.release.images.image_wheels import ImageWheels
from tradai_tasks.report import mask
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.settings.images import ImagesSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageTools:
    """The tools that the steps of an image stage share."""

    settings: ImagesSettings
    registry: Registry
    engine: Containers
    ecr: Ecr | None  # if the registry is Amazon ECR
    wheels: ImageWheels | None  # with the source of the images; None if none is built


@contextmanager
def open_image_tools(  # noqa: PLR0913 - the parts of the tools, by keyword
    settings: ImagesSettings,
    home: Home,
    *,
    root: Path,
    env: Mapping[str, str],
    stop: threading.Event | None = None,
    source: SourceExport | None = None,
    allowance: Allowance = BASE_ONLY,
    sandbox: Sandbox | None = None,
) -> Iterator[ImageTools]:
    """Open the tools; credentials and the engine are looked up when first needed.

    `source` is removed at the end, and None if nothing is built. Builds get the variables of `env`
    that `allowance` says; builds of wheels run in the `sandbox`.
    """
    scratch = source.scratch if source else None
    sweep(scratch)
    ecr = _ecr(settings, home.host, stop)
    credentials = _asked_once(ecr, settings, home.host, env)
    remedy = _remedy(settings, is_ecr=ecr is not None)
    session = RegistrySession(
        home.host,
        insecure=settings.insecure,
        token_hosts=settings.token_hosts,
        patience=settings.patience,
        credentials=credentials,
        remedy=remedy,
        stop=stop,
    )
    engine = Containers(
        home.host,
        wanted=settings.engine,
        root=root,
        reports=root / "build" / "reports" / "images",
        env=env,
        credentials=credentials,
        remedy=remedy,
        insecure=settings.insecure or is_loopback(home.host),
        stop=stop,
        allowance=allowance,
        scratch=scratch,
    )
    wheels = ImageWheels(source=source, allowance=allowance, sandbox=sandbox) if source else None
    tools = ImageTools(
        settings=settings, registry=Registry(session), engine=engine, ecr=ecr, wheels=wheels
    )
    try:
        yield tools
    finally:
        if source is not None:
            source.close()
        engine.close()
        session.close()


def _ecr(settings: ImagesSettings, host: str, stop: threading.Event | None) -> Ecr | None:
    if not uses_ecr(settings.login, host):
        return None
    return Ecr(host, region=settings.region, create=settings.create, stop=stop)


def _asked_once(
    ecr: Ecr | None, settings: ImagesSettings, host: str, env: Mapping[str, str]
) -> Callable[[], Credentials | None]:
    """Return a function that asks once, has CI mask the password, and caches the answer.

    It refuses a password for http to another machine.
    """
    lock = threading.Lock()
    found: list[Credentials | None] = []

    def asked() -> Credentials | None:
        with lock:
            if not found:
                known = ecr.credentials() if ecr else _credentials(settings, host, env)
                if known is not None and settings.insecure and not is_loopback(host):
                    raise LoginRefusedError(
                        f"{host}: no login: images.insecure has the password sent by http, which "
                        f"anybody on the way can read; give the registry a certificate, or set "
                        f"images.login to none"
                    )
                mask([known.password] if known else [], env)
                found.append(known)
            return found[0]

    return asked


def _credentials(settings: ImagesSettings, host: str, env: Mapping[str, str]) -> Credentials | None:
    """Return the credentials from the environment; None if no login is needed."""
    password = env.get(settings.password_env)
    if settings.login == "none" or (settings.login == "auto" and not password):
        return None
    username = env.get(settings.username_env)
    if not username or not password:
        missing = settings.password_env if username else settings.username_env
        raise LoginRefusedError(f"{host}: no login: {missing} is not set in the environment")
    return Credentials(username, password)


def _remedy(settings: ImagesSettings, *, is_ecr: bool) -> str:
    if is_ecr:
        return (
            f"check the AWS credentials with: aws sts get-caller-identity; they need {PERMISSIONS}"
        )
    return f"check {settings.username_env} and {settings.password_env} in the environment"
