"""A loopback index with trusted publishing, by https, and the CI that gives identities.

It plays both sides of the exchange in PyPI's documentation, "Trusted publishers: internals":
an audience, an identity token for it, and an upload token for that, which alone may upload.
"""

from __future__ import annotations

import base64
import datetime as dt
import email.parser
import email.policy
import hashlib
import ipaddress
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.loopback import QuietHandler, serving

__all__ = ["TrustedIndex", "trusted_index"]

JOB_TOKEN = "marked-job-token"
_CLAIMS = base64.urlsafe_b64encode(b'{"aud": "loop", "sub": "repo:acme/it"}').decode()
IDENTITY = f"marked-head.{_CLAIMS}.marked-signature"  # in the form of a JSON Web Token
UPLOAD_TOKEN = "marked-upload-token"


@dataclass
class TrustedIndex:
    """What the index has and was asked."""

    url: str = ""
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    attestations: dict[str, Any] = field(default_factory=dict)  # by file name
    minted: int = 0
    knows_workflow: bool = True  # whether it trusts the job
    has_exchange: bool = True  # whether it has trusted publishing at all

    def page(self) -> bytes:
        listed = [
            {
                "filename": name,
                "url": f"/files/{name}",
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            }
            for name, content in self.files.items()
        ]
        return json.dumps({"meta": {"api-version": "1.0"}, "files": listed}).encode()


class _Handler(QuietHandler):
    index: TrustedIndex

    def do_GET(self) -> None:
        if self.path == "/_/oidc/audience" and self.index.has_exchange:
            self.say(200, json.dumps({"audience": "loop"}).encode())
        elif self.path.startswith("/identity"):  # of the CI
            is_job = self.headers["Authorization"] == f"bearer {JOB_TOKEN}"
            is_asked = is_job and "audience=loop" in self.path
            value = json.dumps({"value": IDENTITY}).encode()
            self.say(*((200, value) if is_asked else (403, b"{}")))
        elif self.path.startswith("/simple/"):
            self.say(200, self.index.page(), "application/vnd.pypi.simple.v1+json")
        else:
            self.say(404, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/_/oidc/mint-token":
            is_known = json.loads(body) == {"token": IDENTITY} and self.index.knows_workflow
            self.index.minted += is_known
            error = {"code": "invalid-publisher", "description": "valid token, no such publisher"}
            given = {"token": UPLOAD_TOKEN, "expires": int(time.time()) + 900, "success": True}
            answer = given if is_known else {"message": "no", "errors": [error]}
            self.say(200 if is_known else 422, json.dumps(answer).encode())
            return
        basic = base64.b64encode(f"__token__:{UPLOAD_TOKEN}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {basic}":
            self.say(403, b"")
            return
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        form: dict[Any, tuple[str | None, Any]] = {}
        for part in parser.parsebytes(head + body).iter_parts():
            name = part.get_param("name", header="content-disposition")
            form[name] = (part.get_filename(), part.get_payload(decode=True))
        filename, content = form["content"]
        self.index.files[str(filename)] = content
        if "attestations" in form:
            self.index.attestations[str(filename)] = json.loads(form["attestations"][1])
        self.say(200, b"")

    def say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def trusted_index(folder: Path) -> Iterator[TrustedIndex]:
    """Serve it; `env` is the environment of a CI job that has an identity.

    Args:
        folder: Where its certificate is kept.
    """
    index = TrustedIndex()
    handler = type("Handler", (_Handler,), {"index": index})
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(handler, context) as port, serving(handler) as ci:
        index.url = f"https://127.0.0.1:{port}"
        index.env = {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JOB_TOKEN,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{ci}/identity?api-version=1",
            "REQUESTS_CA_BUNDLE": str(certificate),
            "SSL_CERT_FILE": str(certificate),
        }
        yield index


def _certificate(folder: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "loopback.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
