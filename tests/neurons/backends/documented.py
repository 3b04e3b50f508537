"""The example class of `docs/backends.md`, as a file that a worker can import."""

import re
from pathlib import Path

from neurons.worker.process import ROOT

PAGE = ROOT / "docs" / "backends.md"


def write_example(folder: Path) -> str:
    """Write the page's only Python example into `folder`; return the backend of its settings."""
    page = PAGE.read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (module, name) = re.findall(r'^backend = "python:(\w+):(\w+)"$', page, re.MULTILINE)[0]
    assert f"Save this as `{module}.py`" in page
    (folder / f"{module}.py").write_text(code)
    return f"python:{module}:{name}"
