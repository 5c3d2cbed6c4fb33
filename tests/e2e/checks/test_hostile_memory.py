"""What a hostile server costs a client in memory, measured in a fork of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.hostile_server import Hostile, hostile_server

# the peak of the process, before and after it has asked; nothing of the server is in it
FORKS = """
import os, resource, signal, sys

from tradai_tasks.errors import TasksError
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.release.clients.package_index import PackageIndex
from tradai_tasks.release.clients.mlflow_http import client_of
from tradai_tasks.release.clients.mlflow_api import MlflowServer
from tradai_tasks.release.clients.registry import Registry
from tradai_tasks.release.clients.registry_http import RegistrySession

import boto3, httpx, httpcore, tenacity  # what loading them takes is not the server's doing

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def ask(client, host):
    if client == "index":
        PackageIndex(f"http://{host}/simple", lambda: None, timeout=20).files("a")
    elif client == "registry":
        Registry(RegistrySession(host, patience=0)).image("web", "1")
    else:
        env = {"MLFLOW_TRACKING_URI": f"http://{host}"}
        MlflowServer(client=client_of(env, None, patience=0)).aliases("a")

def measure(client, host):
    before = peak()
    try:
        ask(client, host)
    except TasksError as error:
        print(error)
    print("used", peak() - before, flush=True)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.alarm(90)
        measure(*line.split())
        os._exit(0)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
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


@pytest.fixture(scope="module")
def forks() -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", FORKS]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize("client", MEGABYTES)
@pytest.mark.parametrize("how", WAYS)
def test_memory_is_bounded(
    server: Hostile, forks: subprocess.Popen[str], how: str, client: str
) -> None:
    server.how = how
    assert forks.stdin is not None
    assert forks.stdout is not None
    forks.stdin.write(f"{client} {server.host}\n")
    forks.stdin.flush()
    lines = [forks.stdout.readline()]
    while lines[-1] and not lines[-1].startswith("ended"):
        lines.append(forks.stdout.readline())
    assert lines[-1] == "ended 0\n", lines
    assert "Traceback" not in "".join(lines), lines
    assert int(lines[-2].removeprefix("used ")) < MEGABYTES[client], lines
