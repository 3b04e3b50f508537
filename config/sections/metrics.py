"""Figures for Prometheus."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.shapes import STRICT


@dataclass(frozen=True, slots=True, config=STRICT)
class MetricsSettings:
    """Prometheus figures at /metrics of the HTTP door."""

    enabled: bool = Field(default=True, description="Serve /metrics.")
