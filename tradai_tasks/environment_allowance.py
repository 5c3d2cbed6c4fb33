"""Environment variables that the repository's own code may see: an allow-list.

Gates, builds of wheels and images, backtests and mkdocs run code of the repository and of its
dependencies. They get the variables of a fixed list and those that `release.gate-environment`
names; a new secret is not among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote

import msgspec
from msgspec.structs import replace

_LEAST = 4  # characters of a secret that is masked: a shorter one would blacken every log
_USERINFO = re.compile(r"\b([a-z][a-z0-9+.-]*)://([^/?#\s@]+(?:@[^/?#\s@]+)*)@", re.IGNORECASE)
# what may be a URL with a password, also one that no program should take: any @ after its scheme
_MAY_HOLD = re.compile(r"://\S*@")
_TOKEN_LEAST = 8  # of what may be a secret and need not: a user without a password, say
_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSW|PASSPHRASE|_PAT\Z|CREDENTIAL|API_?KEY|PRIVATE_KEY")


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Variables that are allowed for one purpose."""

    purpose: str
    names: tuple[str, ...]  # exact, or with * for any characters
    has_credentials: bool = False  # whether a URL with a password is allowed too


REPLAY_SWITCH = "TRADAI_TASKS_REPLAY"  # by `never`, every test is run, whatever is known

BASE = (
    Group(
        purpose="what every program needs",
        names=(
            "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR",
            "TEMP", "TMP", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR",
            "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
            "LD_LIBRARY_PATH", "SOURCE_DATE_EPOCH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
        ),
    ),
    Group(
        purpose="which CI run this is, as tests and sessions ask it",
        names=(
            "CI", "GITHUB_ACTIONS", "GITHUB_ACTOR", "GITHUB_API_URL", "GITHUB_BASE_REF",
            "GITHUB_EVENT_NAME", "GITHUB_HEAD_REF", "GITHUB_JOB", "GITHUB_REF", "GITHUB_REF_NAME",
            "GITHUB_REF_TYPE", "GITHUB_REPOSITORY", "GITHUB_RUN_ATTEMPT", "GITHUB_RUN_ID",
            "GITHUB_RUN_NUMBER", "GITHUB_SERVER_URL", "GITHUB_SHA", "GITHUB_STEP_SUMMARY",
            "GITHUB_WORKFLOW", "GITHUB_WORKSPACE", "RUNNER_ARCH", "RUNNER_OS", "RUNNER_TEMP",
            "RUNNER_TOOL_CACHE",
        ),
    ),
    Group(
        purpose="Python, nox and this library",
        names=(
            "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE",
            "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONWARNINGS", "PYTHONFAULTHANDLER",
            "NOX_ENABLE_STALENESS_CHECK", "TRADAI_TASKS_CACHE",
        ),
    ),
    Group(
        purpose="to install packages; these may hold credentials of an index that can read",
        names=(
            "UV_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL",
            "UV_INDEX_*_USERNAME", "UV_INDEX_*_PASSWORD", "UV_FIND_LINKS", "PIP_INDEX_URL",
            "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "NETRC",
        ),
        has_credentials=True,
    ),
    Group(
        purpose="how packages are installed",
        names=(
            "UV_CACHE_DIR", "UV_COMPILE_BYTECODE", "UV_CONCURRENT_BUILDS",
            "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS", "UV_CONFIG_FILE",
            "UV_EXCLUDE_NEWER", "UV_HTTP_TIMEOUT", "UV_INDEX_STRATEGY", "UV_INSECURE_HOST",
            "UV_KEYRING_PROVIDER", "UV_LINK_MODE", "UV_MANAGED_PYTHON", "UV_NATIVE_TLS",
            "UV_NO_CACHE", "UV_NO_CONFIG", "UV_NO_MANAGED_PYTHON", "UV_NO_PROGRESS", "UV_OFFLINE",
            "UV_PRERELEASE", "UV_PYTHON", "UV_PYTHON_DOWNLOADS", "UV_PYTHON_INSTALL_DIR",
            "UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_PREFERENCE", "UV_RESOLUTION", "UV_SYSTEM_CERTS",
            "UV_TOOL_BIN_DIR", "UV_TOOL_DIR", "PIP_CACHE_DIR", "PIP_CERT", "PIP_CONFIG_FILE",
            "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_INDEX", "PIP_TRUSTED_HOST",
        ),
    ),
    Group(
        purpose="certificates and proxies",
        names=(
            "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY",
            "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy",
            "no_proxy",
        ),
    ),
    Group(
        purpose="compilers",
        names=(
            "CC", "CXX", "AR", "CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH",
            "MACOSX_DEPLOYMENT_TARGET", "SDKROOT", "CARGO_HOME", "RUSTUP_HOME", "JAVA_HOME",
        ),
    ),
    Group(
        purpose="where the container engine is, where AWS is, who git says made a commit",
        names=(
            "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
            "DOCKER_API_VERSION", "CONTAINER_HOST", "XDG_RUNTIME_DIR", "AWS_REGION",
            "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "GIT_AUTHOR_NAME",
            "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_NOSYSTEM",
        ),
    ),
)  # fmt: skip


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """Which variables are allowed: those of the base list, and further ones."""

    named: tuple[str, ...] = ()  # by the settings: names, or patterns with *
    never: frozenset[str] = frozenset()  # what a release logs in with, unless it is named above

    def given(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return what of an environment is allowed."""
        return {name: value for name, value in env.items() if self._allows(name, value)}

    def withheld(self, env: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of what is not."""
        return tuple(name for name in sorted(env) if not self._allows(name, env[name]))

    def also(self, *names: str) -> Allowance:
        """Return one that allows further variables, by their exact names or patterns."""
        return replace(self, named=(*self.named, *names))

    def _allows(self, name: str, value: str) -> bool:
        if _any(name, self.named):
            return True
        if name in self.never:
            return False
        group = next((one for one in BASE if _any(name, one.names)), None)
        if group is None or group.has_credentials:
            return group is not None
        return not _MAY_HOLD.search(_as_url(name, value))


BASE_ONLY = Allowance()


def url_secrets(values: Iterable[str]) -> Iterator[str]:
    """Yield the passwords in URLs, as they are written, decoded and encoded.

    A user without a password is one too where it is long enough for a token.
    """
    for value in values:
        for _, info in _USERINFO.findall(value):
            user, colon, password = info.partition(":")
            if (colon and len(password) >= _LEAST) or len(user) >= _TOKEN_LEAST:
                secret = password if colon else user
                plain = unquote(secret)
                yield from dict.fromkeys((secret, plain, quote(plain, safe="")))


def secrets_of(env: Mapping[str, str], allowance: Allowance) -> tuple[str, ...]:
    """Return the secrets that an environment holds, longest first, to be masked wherever shown.

    They are the values of variables whose name says so or that the settings name, and the passwords
    in URLs; of one of several lines each line, and each as a URL would have it.
    """
    found = set(url_secrets(_as_url(name, value) for name, value in env.items()))
    for name, value in env.items():
        is_named = _any(name, allowance.named) and len(value) >= _TOKEN_LEAST
        if is_named or name in allowance.never or _SECRET_NAME.search(name.upper()):
            lines = {line.strip() for line in value.splitlines()}
            found |= lines | {quote(line, safe="") for line in lines}
    return tuple(sorted({one for one in found if len(one) >= _LEAST}, key=lambda s: (-len(s), s)))


def _as_url(name: str, value: str) -> str:
    """Return a value as the URL that it stands for: a proxy may be given without a scheme."""
    is_bare = name.upper().endswith("_PROXY") and "://" not in value
    return f"http://{value}" if is_bare else value


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which secrets are ***."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
