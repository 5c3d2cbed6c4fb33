"""What a hostile server costs a client in memory, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.hostile_server import Hostile, hostile_server

# the peak of the process, before and after it has asked; nothing of the server is in it
CHILD = """
import resource, sys

from tradai_tasks.errors import TasksError
from tradai_tasks.release.clients.package_index import Credentials, PackageIndex
from tradai_tasks.release.clients.mlflow_http import client_of
from tradai_tasks.release.clients.mlflow_api import MlflowServer
from tradai_tasks.release.clients.registry import Registry
from tradai_tasks.release.clients.registry_http import RegistrySession

client, host = sys.argv[1:]
import boto3, httpx, httpcore, tenacity  # what loading them takes is not the server's doing

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def ask():
    if client == "index":
        PackageIndex(f"http://{host}/simple", lambda: None, timeout=20).files("a")
    elif client == "registry":
        Registry(RegistrySession(host, patience=0)).image("web", "1")
    else:
        env = {"MLFLOW_TRACKING_URI": f"http://{host}"}
        MlflowServer(client=client_of(env, None, patience=0)).aliases("a")

before = peak()
try:
    ask()
except TasksError as error:
    print(error)
print(peak() - before)
"""
MEGABYTES = {"index": 160, "registry": 120, "mlflow": 120}
WAYS = (
    "gzip-bomb", "deflate-bomb", "raw-deflate-bomb", "endless-chunks", "endless-body",
    "endless-extension", "endless-informational", "large-header", "many-values", "deep-json",
    "html-anchors", "html-attributes", "html-comments", "html-open",
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile_server() as made:
        yield made


@pytest.mark.parametrize("client", MEGABYTES)
@pytest.mark.parametrize("how", WAYS)
def test_memory_is_bounded(server: Hostile, how: str, client: str) -> None:
    server.how = how
    argv = [sys.executable, "-c", CHILD, client, server.host]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    assert int(lines[-1]) < MEGABYTES[client], lines
