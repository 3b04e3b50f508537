"""The local HTTP door."""

from collections.abc import Iterator

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.errors import Clash
from config.shapes import STRICT, File, Listen, is_loopback, split_listen


@dataclass(frozen=True, slots=True, config=STRICT)
class ApiSettings:
    """The local HTTP door. Beyond loopback it needs keys and TLS."""

    enabled: bool = Field(default=True, description="Serve HTTP at all.")
    listen: Listen = Field(
        default="127.0.0.1:9944",
        description="Where to listen; port 0 is any free one, IPv6 is [::1]:9944.",
    )
    keys_file: File | None = Field(
        default=None, description="Accepted keys, one a line; SIGHUP reads the file again."
    )
    tls_cert: File | None = Field(default=None, description="Certificate chain, PEM.")
    tls_key: File | None = Field(default=None, description="The certificate's private key, PEM.")
    max_body_bytes: int = Field(
        default=1024 * 1024, description="Largest request body.", ge=1_024, le=64 * 1024 * 1024
    )
    max_connections: int = Field(default=256, description="Most open connections.", ge=1, le=10_000)
    max_concurrent: int = Field(
        default=64, description="Requests worked on at once; beyond that, 503.", ge=1, le=10_000
    )
    rate_per_s: float = Field(
        default=100.0,
        description="Requests per second one client may make; beyond that, 429.",
        ge=0.1,
        le=1e6,
    )
    rate_burst: int = Field(
        default=200, description="Requests one client may make at once.", ge=1, le=1_000_000
    )

    def find_clashes(self) -> Iterator[Clash]:
        """Yield what can't stand together."""
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = "api.tls_cert", "api.tls_key"
            if self.tls_cert is None:
                given, missing = missing, given
            message = "A certificate and its key go together."
            yield Clash(given, missing, message, f"Set {missing} too.")
        host, _ = split_listen(self.listen)
        is_guarded = self.keys_file is not None and self.tls_cert is not None
        if self.enabled and not is_loopback(host) and not is_guarded:
            key = "api.listen"
            message = f"{host} can be reached by others, and there are no keys and no TLS."
            remedy = "Listen on 127.0.0.1, or set api.keys_file, api.tls_cert and api.tls_key."
            yield Clash(key, key, message, remedy)
