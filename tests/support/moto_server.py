"""AWS on loopback: moto as a server, and an environment that leads to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ACCOUNT = "123456789012"
# what moto hands out as ECR's password
ECR_PASSWORD = f"{ACCOUNT}-auth-token"


@contextmanager
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a server; boto3 and the AWS tools find it by the environment."""
    from moto.server import ThreadedMotoServer

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
