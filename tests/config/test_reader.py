from pathlib import Path

import pytest

from config.errors import ConfigError, Problem
from config.reader import Loaded, load_settings
from config.schema import declared
from config.settings import Settings


def load(
    tmp_path: Path,
    text: str | None = None,
    environ: dict[str, str] | None = None,
    flags: dict[str, str] | None = None,
) -> Loaded:
    file = None
    if text is not None:
        file = tmp_path / "node.toml"
        file.write_text(text)
    return load_settings(file, environ or {}, flags or {}, tmp_path)


def problems_of(
    tmp_path: Path, text: str | None = None, environ: dict[str, str] | None = None
) -> dict[str, Problem]:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, text, environ)
    return {problem.key: problem for problem in raised.value.problems}


def test_nothing_given_is_the_defaults_seen_from_the_working_folder(tmp_path: Path):
    loaded = load(tmp_path)
    assert loaded.settings.node.data_dir == tmp_path / "data"
    assert loaded.settings.neuron == Settings().neuron
    assert {origin.kind for origin in loaded.origins.values()} == {"default"}


def test_a_flag_beats_the_environment_beats_the_file(tmp_path: Path):
    text = "[p2p]\nmax_peers = 1\nmdns = true\n[node]\nlog_level = 'error'\n"
    environ = {"NEUROND_P2P__MAX_PEERS": "2", "NEUROND_NODE__LOG_LEVEL": "warning"}
    loaded = load(tmp_path, text, environ, {"node.log_level": "debug"})
    assert loaded.settings.p2p.mdns is True
    assert loaded.settings.p2p.max_peers == 2
    assert loaded.settings.node.log_level == "debug"
    places = [loaded.origins[key].where for key in ("p2p.mdns", "p2p.max_peers", "node.log_level")]
    assert places == ["node.toml:3", "environment NEUROND_P2P__MAX_PEERS", "flag node.log_level"]


def test_every_mistake_is_told_at_once_each_with_its_line(tmp_path: Path):
    found = problems_of(
        tmp_path,
        """[node]
log_level = "loud"
shutdown_grace_s = "10"
[p2p]
max_peer = 3
listen = ["127.0.0.1:9945"]
[neuron.options]
width = [30]
""",
    )
    assert {key: problem.where for key, problem in found.items()} == {
        "node.log_level": "node.toml:2",
        "node.shutdown_grace_s": "node.toml:3",
        "p2p.max_peer": "node.toml:5",
        "p2p.listen": "node.toml:6",
        "neuron.options.width": "node.toml:8",
    }
    assert '"debug" | "info"' in found["node.log_level"].remedy
    assert "p2p.max_peers" in found["p2p.max_peer"].remedy
    assert "/ip4/127.0.0.1/tcp/9945" in found["p2p.listen"].remedy


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("node.name", '"a b"'),
        ("node.name", "3"),
        ("node.data_dir", '""'),
        ("p2p.listen", '"/ip4/1.2.3.4/tcp/1"'),
        ("p2p.listen", '["/ip4/1.2.3.400/tcp/1"]'),
        ("p2p.listen", '["/ip4/1.2.3.4/tcp/65536"]'),
        ("p2p.bootstrap", '["/ip4/1.2.3.4/tcp/1"]'),
        ("p2p.mdns", "1"),
        ("p2p.max_peers", "true"),
        ("p2p.max_peers", "0"),
        ("p2p.max_peers", "2.0"),
        ("agreement.consensus_key", '"My Key"'),
        ("neuron.netuid", "0"),
        ("neuron.batch_wait_ms", "nan"),
        ("neuron.role", '"king"'),
        ("neuron.backend", '"python:models"'),
        ("neuron.backend", '"two words"'),
        ("neuron.options.width", "[30]"),
        ("neuron.options.width", "inf"),
        ("neuron.options.width", "{ a = 1 }"),
        ("api.listen", '"9944"'),
        ("api.listen", '"127.0.0.1:x"'),
        ("api.tls_cert", '"missing.pem"'),
        ("keys.password_file", '"."'),
    ],
)
def test_a_wrong_value_is_refused_and_the_allowed_ones_are_named(
    tmp_path: Path, key: str, value: str
):
    table, _, name = key.rpartition(".")
    problem = problems_of(tmp_path, f"[{table}]\n{name} = {value}\n")[key]
    assert problem.where == "node.toml:2"
    assert problem.message.endswith(".")
    assert problem.remedy.startswith(("Allowed: ", "Use ", "Write ", "Name ", "Make it", "Check "))
    assert "nput should" not in str(problem), "pydantic's own words reach nobody"


def test_an_unreachable_folder_is_refused_and_nothing_is_made(tmp_path: Path):
    (tmp_path / "file").write_text("")
    found = problems_of(
        tmp_path, "[node]\ndata_dir = 'file/data'\n[keys]\nkeystore = 'fine/keys'\n"
    )
    assert set(found) == {"node.data_dir"}
    assert not (tmp_path / "fine").exists()


def test_a_door_beyond_loopback_needs_keys_and_tls(tmp_path: Path):
    found = problems_of(tmp_path, "[api]\nlisten = '0.0.0.0:9944'\n")
    assert "keys_file" in found["api.listen"].remedy
    for name in ("opens", "cert", "key"):
        (tmp_path / name).write_text("x")
    load(
        tmp_path,
        "[api]\nlisten = '0.0.0.0:9944'\nkeys_file = 'opens'\ntls_cert = 'cert'\ntls_key = 'key'\n",
    )


def test_one_key_must_not_do_two_things(tmp_path: Path):
    found = problems_of(tmp_path, "[agreement]\nconsensus_key = 'one'\nbeacon_key = 'one'\n")
    assert set(found) == {"agreement.beacon_key"}


def test_an_unknown_variable_is_an_error_and_others_are_left_alone(tmp_path: Path):
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, None, {"NEUROND_NODE__NAM": "x", "HOME": "/", "NEUROND_CONFIG": "x"})
    (problem,) = raised.value.problems
    assert problem.where == "environment NEUROND_NODE__NAM"
    assert "NEUROND_NODE__NAME" in problem.remedy


def test_lists_and_the_short_password_variable_are_read_from_the_environment(tmp_path: Path):
    (tmp_path / "password").write_text("x")
    environ = {
        "NEUROND_P2P__LISTEN": "/ip4/127.0.0.1/tcp/1, /ip6/::1/tcp/2",
        "NEUROND_PASSWORD_FILE": "password",
        "NEUROND_API__ENABLED": "false",
    }
    settings = load(tmp_path, None, environ).settings
    assert settings.p2p.listen == ("/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/2")
    assert settings.keys.password_file == tmp_path / "password"
    assert settings.api.enabled is False


@pytest.mark.parametrize(
    "text", ["[node", "[node]\nname = 'a'\nname = 'b'\n", "x = 1\n" * 200_000, "node = 3\n"]
)
def test_a_file_that_is_no_settings_file_is_refused(tmp_path: Path, text: str):
    with pytest.raises(ConfigError):
        load(tmp_path, text)


def test_a_file_of_bytes_is_refused(tmp_path: Path):
    (tmp_path / "node.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError) as raised:
        load_settings(tmp_path / "node.toml", {}, {}, tmp_path)
    assert "UTF-8" in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError) as raised:
        load_settings(tmp_path / "none.toml", {}, {}, tmp_path)
    assert "neurond init" in str(raised.value)


def test_every_setting_says_what_it_is_for_and_what_it_takes():
    for item in declared().values():
        assert item.about.endswith((".", ")"))
        assert item.allowed


@pytest.mark.parametrize("keys", ["['consensus2']", "['a', 'b', 'c']"])
def test_the_next_keys_are_two_or_none(tmp_path: Path, keys: str):
    problem = problems_of(tmp_path, f"[agreement]\nnext_keys = {keys}\n")["agreement.next_keys"]
    assert "consensus key first" in problem.remedy
    both = load(tmp_path, "[agreement]\nnext_keys = ['consensus2', 'beacon2']\n")
    assert both.settings.agreement.next_keys == ("consensus2", "beacon2")


@pytest.mark.parametrize(
    ("text", "key", "where", "words"),
    [
        ("[neuron.model]\nwidth = 32\n", "neuron.model", "node.toml:1", "neuron.options"),
        (
            "[neuron.validator]\nqueries_per_round = 3\n",
            "neuron.validator.queries_per_round",
            "node.toml:2",
            "miners_per_round",
        ),
        (
            "[neuron.validator]\nprefixes_per_query = 16\n",
            "neuron.validator.prefixes_per_query",
            "node.toml:2",
            "task_params",
        ),
    ],
)
def test_a_setting_of_an_earlier_version_says_what_became_of_it(
    tmp_path: Path, text: str, key: str, where: str, words: str
):
    problem = problems_of(tmp_path, text)[key]
    assert problem.where == where
    assert words in problem.remedy


def test_an_earlier_version_s_variable_says_what_became_of_it(tmp_path: Path):
    problems = problems_of(tmp_path, environ={"NEUROND_NEURON__MODEL__WIDTH": "32"})
    problem = problems["neuron.model.width"]
    assert problem.where == "environment NEUROND_NEURON__MODEL__WIDTH"
    assert "neuron.options" in problem.remedy


def test_a_backend_s_options_are_single_values_from_any_source(tmp_path: Path):
    loaded = load(
        tmp_path,
        "[neuron.options]\nwidth = 32\nseed = 3\n",
        {"NEUROND_NEURON__OPTIONS__SEED": "4", "NEUROND_NEURON__OPTIONS__KIND": "ngram"},
        {"neuron.options.train_s": "2.5", "neuron.options.fast": "true"},
    )
    options = {"width": 32, "seed": 4, "kind": "ngram", "train_s": 2.5, "fast": True}
    assert loaded.settings.neuron.options == options
    assert loaded.values["neuron.options.seed"] == 4
    assert loaded.origins["neuron.options.width"].where == "node.toml:2"
    assert loaded.origins["neuron.options.train_s"].where == "flag neuron.options.train_s"


def test_a_key_inside_a_setting_is_refused_at_its_line(tmp_path: Path):
    problem = problems_of(tmp_path, "[node]\nlog_level = 'info'\nnames.first = 'a'\n")
    assert problem["node.names"].where == "node.toml:3"
    assert problem["node.names"].remedy.endswith("Did you mean node.name?")


def test_the_likeliest_choice_is_offered(tmp_path: Path):
    problem = problems_of(tmp_path, "[node]\nlog_level = 'debgu'\n")["node.log_level"]
    assert problem.remedy.endswith("Did you mean debug?")


def test_what_is_wrong_in_one_section_hides_nothing_in_another(tmp_path: Path):
    found = problems_of(
        tmp_path,
        "[p2p]\nmax_peers = 0\n[neuron]\nbatch_max = 9\nqueue_max = 8\nnetuid = 0\n"
        "[api]\ntls_key = 'none.pem'\n",
    )
    wrong = {"p2p.max_peers", "neuron.netuid", "neuron.batch_max", "api.tls_key", "api.tls_cert"}
    assert set(found) == wrong


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a = " + "[" * 5_000, "nested too deeply"), ("a = " + "1" * 5_000, "thousands of digits")],
)
def test_toml_that_python_cannot_hold_is_a_problem(tmp_path: Path, text: str, reason: str):
    assert reason in problems_of(tmp_path, text)[""].message


def test_the_home_of_nobody_is_no_path(tmp_path: Path):
    (problem,) = problems_of(tmp_path, "[node]\ndata_dir = '~nobody-of-this-name/x'").values()
    assert problem.message == "'~nobody-of-this-name/x' is no path."
    assert problem.where == "node.toml:2"


def test_a_table_takes_no_value(tmp_path: Path):
    problems = problems_of(tmp_path, "metrics = 3\n[neuron]\noptions = 3")
    assert problems["metrics"].remedy == "Write [metrics], and its settings below."
    assert problems["neuron.options"].remedy == "Write [neuron.options], and its settings below."
    (problem,) = problems_of(tmp_path, environ={"NEUROND_NEURON__OPTIONS": "{a = 1}"}).values()
    assert problem.where == "environment NEUROND_NEURON__OPTIONS"


@pytest.mark.parametrize("text", ["1\ny = 2", "[" * 5_000, "{]", "1" * 5_000])
def test_an_option_that_is_no_toml_value_is_text(tmp_path: Path, text: str):
    loaded = load(tmp_path, environ={"NEUROND_NEURON__OPTIONS__X": text})
    assert loaded.settings.neuron.options == {"x": text}


def test_an_option_without_a_name_is_unknown(tmp_path: Path):
    assert "neuron.options." in problems_of(tmp_path, '[neuron.options]\n"" = 1')
