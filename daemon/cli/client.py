"""Ask a running node over its HTTP door; one request, one answer, no connection kept."""

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.sections.api import ApiSettings
from config.shapes import split_listen
from daemon.cli.options import Common
from daemon.cli.output import CliError, Exit
from daemon.cli.sources import load

TIMEOUT_S = 5.0
"""A node on this machine answers in milliseconds; a longer silence is a stuck one."""
ANSWER_BYTES_MAX = 64 * 1024 * 1024
CBOR_BODY, JSON_BODY = "application/cbor", "application/json"
"""What a request's body is in."""


@dataclass(frozen=True, slots=True)
class NodeClient:
    """A node's HTTP door: `url` without a path, the key if it wants one, its certificate."""

    url: str
    key: str = ""
    certificate: Path | None = None

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        """Return the status and JSON object of a GET; any status, so that 503 can be read.

        Raises:
            CliError: UNREACHABLE when nothing answers, or something that is not neurond.
        """
        return self._ask("GET", path, b"", "")

    def get_ok(self, path: str) -> dict[str, object]:
        """Return the JSON object of a GET that succeeds.

        Raises:
            CliError: unreachable, or the node's own error with its code.
        """
        return _expect_ok(*self.get(path))

    def post_ok(self, path: str, body: bytes, content_type: str = CBOR_BODY) -> dict[str, object]:
        """Return the JSON object of a POST that succeeds. Raises as `get_ok`."""
        return _expect_ok(*self._ask("POST", path, body, content_type))

    def _ask(
        self, method: str, path: str, body: bytes, content_type: str
    ) -> tuple[int, dict[str, object]]:
        try:
            status, data = self._request(method, path, body, content_type)
            answer: object = json.loads(data)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error) from error
        if not isinstance(answer, dict):
            raise self._unreachable(ValueError("the answer is no JSON object"))
        return status, {str(key): value for key, value in answer.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def _request(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        place = urlsplit(self.url)
        host, port = place.hostname or "", place.port
        if place.scheme == "https":
            context = ssl.create_default_context(cafile=self.certificate)
            # The node's own certificate is the trust anchor; its name need not be the address.
            context.check_hostname = self.certificate is None
            connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        headers = {"Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if kind:
            headers["Content-Type"] = kind
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            data = response.read(ANSWER_BYTES_MAX + 1)
        finally:
            connection.close()
        if len(data) > ANSWER_BYTES_MAX:
            raise ValueError("the answer is over 64 MiB")
        return response.status, data

    def _unreachable(self, error: Exception) -> CliError:
        reason = getattr(error, "strerror", None) or error
        return CliError(
            Exit.UNREACHABLE,
            "node_unreachable",
            f"No node answers at {self.url}: {reason}.",
            "Start it with neurond run, or name its door with --api or api.listen.",
        )


def _expect_ok(status: int, answer: dict[str, object]) -> dict[str, object]:
    if status in (http.client.OK, http.client.ACCEPTED):
        return answer
    error = answer.get("error")
    fields: dict[str, object] = error if isinstance(error, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    code, message = str(fields.get("code", status)), str(fields.get("message", answer))
    raise CliError(Exit.FAILED, code, message, str(fields.get("remedy", "")))


def connect(common: Common) -> NodeClient:
    """Return the client of the node that a verb's options name.

    Raises:
        ConfigError, CliError: settings, or as `open_client`.
    """
    return open_client(load(common).settings.api, common.api)


def open_client(settings: ApiSettings, url: str | None) -> NodeClient:
    """Return the client of `url`, or of the door that `settings` describe.

    Raises:
        CliError: the settings name no port, or the keys file can't be read.
    """
    key = _first_key(settings.keys_file)
    if url is not None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            message = f"{url!r} is no address of a node."
            raise CliError(Exit.USAGE, "usage", message, "Write --api http://127.0.0.1:9944.")
        return NodeClient(url.rstrip("/"), key, settings.tls_cert)
    host, port = split_listen(settings.listen)
    if port == 0 or not settings.enabled:
        message = "The settings name no port of the node's HTTP door."
        remedy = "Give its address with --api; the node's log says where it listens."
        raise CliError(Exit.USAGE, "usage", message, remedy)
    scheme = "http" if settings.tls_cert is None else "https"
    shown = f"[{host}]" if ":" in host else host
    return NodeClient(f"{scheme}://{shown}:{port}", key, settings.tls_cert)


def _first_key(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The keys file {file} can't be read: {error}."
        raise CliError(Exit.KEY, "no_api_key", message, "Check api.keys_file.") from error
    return next((line.strip() for line in lines if line.strip() and line[0] != "#"), "")
