"""A loopback stand-in for an OSV advisory service: `POST /v1/query`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.loopback import QuietHandler, serving


def advisory(identity: str, fixed: str, *aliases: str) -> dict[str, Any]:
    """One advisory in OSV's form."""
    return {
        "id": identity,
        "summary": "made up",
        "details": "made up",
        "aliases": list(aliases),
        "published": "2026-01-01T00:00:00Z",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "x"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}
                ],
            }
        ],
    }


@contextmanager
def osv_server(known: Mapping[tuple[str, str], list[dict[str, Any]]]) -> Iterator[str]:
    """Serve advisories for (name, version); anything else is clean. Yields the address."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = []
            for (name, version), advisories in known.items():
                if (body["package"]["name"], body.get("version")) == (name, version):
                    found += advisories
            for entry in found:
                entry["affected"][0]["package"]["name"] = body["package"]["name"]
            answer = json.dumps({"vulns": found}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/v1/query"
