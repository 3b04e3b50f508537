import tomllib
from pathlib import Path

import pytest

from config.reader import load_settings
from config.schema import Value, declared
from config.template import format_value, render_reference, render_settings


def test_the_written_file_with_nothing_chosen_changes_nothing(tmp_path: Path):
    file = tmp_path / "node.toml"
    file.write_text(render_settings({}))
    loaded = load_settings(file, {}, {}, tmp_path)
    assert {origin.kind for origin in loaded.origins.values()} == {"default"}


def test_every_setting_stands_in_the_written_file():
    lines = render_settings({}).splitlines()
    for item in declared().values():
        name = item.key.rpartition(".")[2]
        start = f"[{item.key}]" if item.kind == "table" else f"# {name} ="
        assert any(line.startswith(start) for line in lines)


def test_what_was_chosen_is_read_back(tmp_path: Path):
    chosen: dict[str, Value] = {
        "node.name": "alice",
        "p2p.bootstrap": (),
        "p2p.mdns": True,
        "neuron.options.train_s": 2.5,
    }
    file = tmp_path / "node.toml"
    file.write_text(render_settings(chosen))
    loaded = load_settings(file, {}, {}, tmp_path)
    assert {key: loaded.values[key] for key in chosen} == chosen
    assert {key for key, origin in loaded.origins.items() if origin.kind == "file"} == set(chosen)


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "é", "\x7f"])
def test_any_text_survives_quoting(text: str):
    assert tomllib.loads(f"x = {format_value(text)}")["x"] == text


def test_the_documentation_lists_the_settings_as_they_are():
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    assert page.endswith(render_reference())
