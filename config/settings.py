"""All settings of one node, and how they follow from their declarations.

Every setting is declared once, in the section it belongs to (`config/sections/`). From the
declaration follow the check of a value, the allowed values an error names, the environment
variable, the commented file of `neurond init` and the table in `docs/configuration.md`.
`config/reader.py` reads them; after that nothing changes.

Units stand at the end of a name (`_s`, `_ms`, `_bytes`). A relative path is relative to the folder
of the configuration file (to the working folder without one); `~` is the home folder.
"""

from collections.abc import Iterator

from pydantic.dataclasses import dataclass

from config.errors import Clash
from config.sections.agreement import AgreementSettings
from config.sections.api import ApiSettings
from config.sections.faucet import FaucetSettings
from config.sections.keys import KeysSettings
from config.sections.metrics import MetricsSettings
from config.sections.neuron import NeuronSettings
from config.sections.node import NodeSettings
from config.sections.p2p import P2pSettings
from config.shapes import STRICT


@dataclass(frozen=True, slots=True, config=STRICT)
class Settings:
    """All of one node; each field is a table of the configuration file."""

    node: NodeSettings = NodeSettings()
    p2p: P2pSettings = P2pSettings()
    agreement: AgreementSettings = AgreementSettings()
    neuron: NeuronSettings = NeuronSettings()
    api: ApiSettings = ApiSettings()
    metrics: MetricsSettings = MetricsSettings()
    keys: KeysSettings = KeysSettings()
    faucet: FaucetSettings = FaucetSettings()

    def find_clashes(self) -> Iterator[Clash]:
        """Yield what can't stand together, in a section or across sections."""
        yield from self.agreement.find_clashes()
        yield from self.neuron.find_clashes()
        yield from self.api.find_clashes()
        names = {
            "p2p.node_key": self.p2p.node_key,
            "agreement.consensus_key": self.agreement.consensus_key,
            "agreement.beacon_key": self.agreement.beacon_key,
            "neuron.hotkey": self.neuron.hotkey,
        }
        first: dict[str, str] = {}
        for key, name in names.items():
            if first.setdefault(name, key) != key:
                message = f"{name!r} is {first[name]} too: one key must not do two things."
                yield Clash(key, key, message, "Name another key; neurond wallet create makes one.")
