import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from daemon.cli.app import app, main
from daemon.cli.catalogue import list_verbs
from daemon.cli.groups import LaterVerb
from daemon.cli.output import Exit
from daemon.version import CHECKOUT_VERSION

ROOT = Path(__file__).parents[3]
CHAIN = ("tx ", "query ", "subnet ", "voucher ")
"""Groups whose verbs follow from the calls and the questions there are."""
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tester's own settings and home out; pytest keeps the terminal out."""
    for name in list(os.environ):
        if name.startswith("NEUROND_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    return main(arguments)


def init(tmp_path: Path, *more: str) -> Path:
    folder = tmp_path / "node"
    arguments = ("init", "--network", "devnet", "--dir", str(folder), "--insecure-devnet", "--yes")
    assert run(*arguments, *more) == Exit.OK
    return folder


def read_json(capsys: Capture) -> Any:  # noqa: ANN401 - JSON is anything
    return json.loads(capsys.readouterr().out)


# -- init, check-config, config show ---------------------------------------------------------------


@pytest.mark.slow  # the beacon's hash chain is a million hashes
@pytest.mark.parametrize("role", ["validator", "miner", "none"])
def test_init_makes_a_node_that_check_config_accepts(tmp_path: Path, capsys: Capture, role: str):
    folder = init(tmp_path, "--role", role)
    capsys.readouterr()
    assert run("check-config", "--config", str(folder / "node.toml"), "--json") == Exit.OK
    assert read_json(capsys)["network"] == "devnet"
    assert run("wallet", "list", "--config", str(folder / "node.toml"), "--json") == Exit.OK
    names = {key["name"]: key["kind"] for key in read_json(capsys)["keys"]}
    wanted = {"node": "node", "consensus": "consensus", "beacon": "beacon"}
    wanted |= {"coldkey": "coldkey", "hotkey": "hotkey"}
    assert names == (wanted | {"stake": "hotkey"} if role == "miner" else wanted)
    for file in (folder / "keys").iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_the_home_of_nobody_is_told_of(capsys: Capture):
    folder = "~nobody-of-this-name/node"
    assert run("init", "--network", "devnet", "--dir", folder, "--json") == Exit.USAGE
    assert folder in read_json(capsys)["error"]["message"]


@pytest.mark.slow  # as above
def test_init_replaces_nothing(tmp_path: Path, capsys: Capture):
    folder = init(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = ("init", "--network", "devnet", "--dir", str(folder), "--insecure-devnet", "--yes")
    assert run(*again, "--json") == Exit.FAILED
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert '"exists"' in capsys.readouterr().out


@pytest.mark.slow  # as above
def test_a_second_node_joins_the_network_of_the_first(tmp_path: Path, capsys: Capture):
    network = init(tmp_path) / "network.toml"
    capsys.readouterr()
    other = tmp_path / "other"
    arguments = ("init", "--network", str(network), "--role", "miner", "--dir", str(other))
    assert run(*arguments, "--insecure-devnet", "--yes", "--json") == Exit.OK
    steps = str(read_json(capsys)["next"])
    assert "p2p.bootstrap" in steps
    assert "registered" in steps
    assert not (other / "network.toml").exists()
    text = (other / "node.toml").read_text()
    assert "validate = false" in text
    assert str(network) in text


def test_init_without_a_terminal_or_a_yes_declines_and_writes_nothing(
    tmp_path: Path, capsys: Capture
):
    folder = tmp_path / "node"
    arguments = ("init", "--network", "devnet", "--dir", str(folder), "--insecure-devnet")
    assert run(*arguments) == Exit.DECLINED
    assert not folder.exists()
    assert "--yes" in capsys.readouterr().err


def test_init_without_any_password_fails_and_writes_nothing(tmp_path: Path, capsys: Capture):
    folder = tmp_path / "node"
    assert run("init", "--network", "devnet", "--dir", str(folder)) == Exit.KEY
    assert not folder.exists()
    assert "NEUROND_PASSWORD_FILE" in capsys.readouterr().err


def test_init_takes_the_password_file_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
):
    monkeypatch.setenv("NEUROND_PASSWORD_FILE", str(tmp_path / "nowhere"))
    call = ("init", "--network", "devnet", "--dir", str(tmp_path / "node"))
    assert run(*call) == Exit.KEY
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "node").exists()


def test_init_refuses_an_unknown_network(tmp_path: Path):
    folder = tmp_path / "node"
    assert run("init", "--network", "nowhere", "--dir", str(folder), "--yes") == Exit.USAGE
    assert not folder.exists()


def test_a_mistyped_file_exits_with_2_and_every_problem(tmp_path: Path, capsys: Capture):
    file = tmp_path / "node.toml"
    file.write_text("[node]\nlog_levl = 'info'\n[p2p]\nmax_peers = 'x'\n")
    for verb in ("check-config", "run", "status"):
        assert run(verb, "--config", str(file), "--json") == Exit.USAGE
        error = read_json(capsys)["error"]
        assert error["code"] == "bad_config"
        assert [problem["where"] for problem in error["problems"]] == ["node.toml:2", "node.toml:4"]
    assert run("check-config", "--config", str(file)) == Exit.USAGE
    text = capsys.readouterr().err
    assert "2 problems" in text
    assert "node.log_level" in text
    assert [path.name for path in tmp_path.iterdir()] == ["node.toml"]


def test_config_show_names_the_origin_of_every_value(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "node.toml"
    file.write_text("[node]\nname = 'alice'\n")
    monkeypatch.setenv("NEUROND_P2P__MDNS", "true")
    arguments = ("config", "show", "--config", str(file), "--set", "p2p.max_peers=7")
    assert run(*arguments, "--json") == Exit.OK
    shown = read_json(capsys)
    assert shown["node.name"] == {"value": "alice", "from": "file", "where": "node.toml:2"}
    assert shown["p2p.mdns"]["from"] == "environment"
    assert shown["p2p.max_peers"] == {"value": 7, "from": "flag", "where": "flag p2p.max_peers"}
    assert shown["api.enabled"]["from"] == "default"
    assert run(*arguments) == Exit.OK
    assert "node.toml:2" in capsys.readouterr().out


def test_the_configuration_can_be_named_by_the_environment(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "other.toml"
    file.write_text("[node]\nname = 'bob'\n")
    monkeypatch.setenv("NEUROND_CONFIG", str(file))
    assert run("config", "show", "--json") == Exit.OK
    assert read_json(capsys)["node.name"]["value"] == "bob"


def test_run_with_a_template_exits_with_2(tmp_path: Path, capsys: Capture):
    assert run("run", "--set", "node.network=devnet") == Exit.USAGE
    assert "neurond init --network devnet" in capsys.readouterr().err


# -- status --------------------------------------------------------------------------------------


def test_status_of_nobody_exits_with_3_and_says_how_to_start(capsys: Capture):
    assert run("status", "--api", "http://127.0.0.1:1", "--json") == Exit.UNREACHABLE
    error = read_json(capsys)["error"]
    assert error["code"] == "node_unreachable"
    assert "neurond run" in error["remedy"]


@pytest.mark.parametrize("url", ["127.0.0.1:9944", "ftp://x", "http://"])
def test_status_refuses_what_is_no_address(url: str):
    assert run("status", "--api", url) == Exit.USAGE


# -- the catalogue, help, usage ------------------------------------------------------------------


def test_every_verb_has_a_summary_and_an_example_that_names_it():
    verbs: list[dict[str, Any]] = list_verbs(app)
    others = {str(verb["verb"]) for verb in verbs if not str(verb["verb"]).startswith(CHAIN)}
    assert others == {
        "init",
        "check-config",
        "config show",
        "run",
        "status",
        "task list",
        "task show",
        "task check",
        "task new",
        "wallet create",
        "wallet new-hotkey",
        "wallet list",
        "wallet show",
        "wallet import",
        "wallet export",
        "wallet sign",
        "wallet verify",
        "wallet change-password",
        "wallet remove",
        "faucet",
        "explain",
        "what-if",
        "wait",
        "verbs",
    }
    for verb in verbs:
        assert verb["summary"]
        assert str(verb["example"]).startswith(f"neurond {verb['verb']}")
        assert all(parameter["help"] for parameter in verb["parameters"])


def test_the_catalogue_is_one_json_document_with_the_exit_codes(capsys: Capture):
    assert run("verbs", "--json") == Exit.OK
    catalogue = read_json(capsys)
    assert set(catalogue) == {"verbs", "exit_codes"}
    assert catalogue["exit_codes"] == {str(int(code)): code.name.lower() for code in Exit}


@pytest.mark.parametrize(
    "arguments", [("--nonsense",), ("wallet", "creat"), ("run", "--set", "x"), ("init",)]
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]):
    assert run(*arguments) == Exit.USAGE


@pytest.mark.parametrize("arguments", [("nonsense",), ("run", "--nonsense"), ("init",)])
def test_wrong_usage_is_an_error_document_for_programs(arguments: tuple[str, ...], capsys: Capture):
    assert run(*arguments, "--json") == Exit.USAGE
    error = read_json(capsys)["error"]
    assert error["code"] == "usage"
    assert error["message"]
    assert error["remedy"].startswith("neurond")


def test_wrong_usage_says_where_to_look_also_if_the_line_ends_too_soon(capsys: Capture):
    assert run("status", "--api") == Exit.USAGE
    assert "neurond --help says what it takes." in capsys.readouterr().err


def test_the_version_is_that_of_the_project(capsys: Capture):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == CHECKOUT_VERSION
    assert run("--version") == Exit.OK
    assert capsys.readouterr().out == f"neurond {project['version']}\n"


def list_loaded(program: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after `program`."""
    ending = "import sys; print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{ending}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("group", [(), ("wallet",)])
def test_help_imports_no_verb(group: tuple[str, ...]):
    call = [*group, "--help"]
    loaded = list_loaded(f"from daemon.cli.app import main; main({call})")
    assert "click" in loaded
    forbidden = {"torch", "libp2p", "numpy", "lmdb", "trio", "fastapi", "pydantic", "cbor2", "nacl"}
    forbidden |= {"mnemonic", "storage", "rich", "p2p", "neurons"}
    assert loaded.isdisjoint(forbidden)


@pytest.mark.slow  # it loads everything
def test_neither_the_cli_nor_a_validators_daemon_imports_torch():
    loaded = list_loaded(
        """
import pkgutil, importlib, daemon, neurons.catalog, neurons.validating
for room in (daemon, neurons.validating):
    for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        if module.name != "daemon.__main__":
            importlib.import_module(module.name)
"""
    )
    assert {"trio", "p2p", "neurons"} <= loaded
    assert "torch" not in loaded


def test_every_line_of_the_table_is_a_verb_whose_purpose_fits_on_one_line():
    context = click.Context(app, info_name="neurond")
    width = max(map(len, app.list_commands(context)))
    for command in app.commands.values():
        assert isinstance(command, LaterVerb)
        assert isinstance(command.load(), click.Command)
        assert len(command.get_short_help_str(100)) <= 80 - 2 - 2 - width - 2


def test_a_shell_can_complete_verbs_and_options(monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    monkeypatch.setenv("_NEUROND_COMPLETE", "bash_complete")
    for line, wanted in (("neurond sta", "status"), ("neurond wallet create --ki", "--kind")):
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
        with pytest.raises(SystemExit):
            run()
        assert capsys.readouterr().out == f"plain,{wanted}\n"


def test_python_m_daemon_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "verbs", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["verbs"]
