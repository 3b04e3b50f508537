import io
import json
import logging
from collections.abc import Generator

import pytest

from daemon.telemetry import Telemetry, configure_logging, get_logger, set_level
from tests.daemon.http.fixed_view import kept_log


@pytest.fixture(autouse=True)
def _restore_logging() -> Generator[None]:
    with kept_log():
        yield


def read_lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_log_is_one_object_per_line_with_its_room():
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    get_logger("p2p").info("peer up", peer="12D3\nx")
    (line,) = read_lines(stream)
    assert (line["room"], line["level"], line["event"]) == ("p2p", "info", "peer up")
    assert line["peer"] == "12D3\nx"
    assert str(line["timestamp"]).endswith("Z")


def test_libraries_that_log_by_themselves_come_out_alike():
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    logging.getLogger("somebody").warning("hello %d", 3)
    assert read_lines(stream)[0]["event"] == "hello 3"
    assert read_lines(stream)[0]["room"] == "somebody"


def test_noisy_libraries_are_kept_quiet():
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    logging.getLogger("libp2p.host").warning("a stranger sent garbage")
    assert stream.getvalue() == ""


def test_the_level_changes_while_running():
    stream = io.StringIO()
    configure_logging("warning", "json", stream)
    log = get_logger("chain")
    log.info("unseen")
    set_level("debug")
    log.debug("seen")
    assert [line["event"] for line in read_lines(stream)] == ["seen"]


@pytest.mark.parametrize("name", ["password", "api_key", "Authorization", "seed", "hot_seed_hex"])
def test_no_secret_reaches_a_log(name: str):
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    get_logger("x").info("opened", **{name: "hunter2"})
    assert "hunter2" not in stream.getvalue()


def test_a_traceback_in_the_console_shows_no_local_variables():
    stream = io.StringIO()
    configure_logging("info", "console", stream)

    def fail(key_material: str) -> None:
        raise ValueError("planted" if key_material else "")

    try:
        fail("hunt" + "er2")
    except ValueError:
        get_logger("x").exception("failed")
    assert "planted" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_two_nodes_in_one_process_do_not_share_figures():
    one, other = Telemetry(), Telemetry()
    one.height.set(7)
    assert b"neurond_height 7.0" in one.render()
    assert b"neurond_height 0.0" in other.render()


def test_the_neuron_is_in_one_state_at_a_time():
    telemetry = Telemetry()
    telemetry.set_neuron_state("training")
    telemetry.set_neuron_state("ready")
    text = telemetry.render().decode()
    assert 'neurond_neuron_state{state="ready"} 1.0' in text
    assert "training" not in text


def test_watched_figures_are_read_at_each_scrape():
    telemetry = Telemetry()
    counts = {"sent": 1}
    telemetry.watch("gossip", "Gossip.", lambda: counts)
    counts["sent"] = 5
    assert b'neurond_gossip{kind="sent"} 5.0' in telemetry.render()
