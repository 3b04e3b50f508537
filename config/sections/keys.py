"""Where keys lie and how they are opened."""

from pathlib import Path

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.shapes import STRICT, File, NewFolder


@dataclass(frozen=True, slots=True, config=STRICT)
class KeysSettings:
    """Where keys lie and how they are opened. A password is never an argument."""

    keystore: NewFolder = Field(default=Path("keys"), description="Folder of encrypted key files.")
    password_file: File | None = Field(
        default=None,
        description="File whose first line is the keys' password (also NEUROND_PASSWORD_FILE).",
    )
    insecure_devnet: bool = Field(
        default=False, description="Allow keys without a password. For throw-away networks only."
    )
