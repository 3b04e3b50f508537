import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import cbor2
import httpx
import pytest
import trio
from httpx import ASGITransport, AsyncClient

from config.address import format_address
from config.errors import ConfigError
from config.sections.api import ApiSettings
from consensus import codec
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.many import is_many, write_many
from daemon.telemetry import Telemetry
from daemon.views.node import Check
from tests.builders import key_of, make_transaction
from tests.daemon.http.fixed_view import ALICE, RICHES, FixedView, kept_log, make_ledger

KEY = "0123456789abcdef0123"


def make_client(
    view: FixedView | None = None, settings: ApiSettings | None = None, keys: ApiKeys | None = None
) -> AsyncClient:
    app = build_app(
        view or FixedView(),
        Telemetry(),
        settings or ApiSettings(),
        keys or ApiKeys(None),
        metrics=True,
    )
    transport = ASGITransport(app)  # pyright: ignore[reportArgumentType]  # looser ASGI types
    return AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def get(path: str, client: AsyncClient | None = None) -> httpx.Response:
    async with client or make_client() as opened:
        return await opened.get(path)


def error_of(response: httpx.Response) -> dict[str, str]:
    body: dict[str, dict[str, str]] = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "remedy"}
    assert all(body["error"].values())
    return body["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/readyz",
        "/chain/status",
        "/chain/blocks",
        "/chain/blocks?start=2&count=1",
        "/chain/blocks/0",
        "/chain/metagraph/1",
        f"/chain/account/{format_address(ALICE)}",
        f"/chain/account/{format_address(ALICE)}?height=2&proof=1",
        "/chain/explain/1/0",
        "/chain/proof?key=02",
        "/chain/proof?key=02&key=01&height=1",
        "/chain/validators",
        "/chain/delegates?count=2",
        f"/chain/delegates/{format_address(key_of('hot0'))}",
        "/chain/concentration",
        f"/chain/transactions/{'00' * 32}",
        "/openapi.json",
    ],
)
async def test_each_route_answers_with_json(path: str):
    response = await get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()


async def test_amounts_beyond_two_to_the_53_stay_exact():
    response = await get(f"/chain/account/{format_address(ALICE)}")
    assert response.json()["free"] == str(RICHES)
    assert RICHES > 2**53


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nowhere", 404, "not_found"),
        ("/chain/blocks/4", 404, "not_found"),
        ("/chain/metagraph/9", 404, "not_found"),
        ("/chain/metagraph/65536", 400, "bad_request"),
        ("/chain/blocks/x", 400, "bad_request"),
        (f"/chain/blocks/{2**64}", 400, "bad_request"),
        ("/chain/blocks?count=101", 400, "bad_request"),
        ("/chain/blocks?start=-1", 400, "bad_request"),
        ("/chain/account/5Grwva", 400, "bad_request"),
        (f"/chain/account/{format_address(ALICE)[:-1]}A", 400, "bad_request"),
        (f"/chain/account/{'1' * 65}", 400, "bad_request"),
        ("/chain/metagraph/1?height=4", 404, "not_kept"),
        ("/chain/metagraph/1?height=-1", 400, "bad_request"),
        ("/chain/metagraph/1?proof=yes", 400, "bad_request"),
        ("/chain/proof", 400, "bad_request"),
        ("/chain/proof?key=", 400, "bad_request"),
        ("/chain/proof?key=0", 400, "bad_request"),
        (f"/chain/proof?key={'00' * 501}", 400, "bad_request"),
        ("/chain/proof?" + "&".join(["key=00"] * 65), 400, "bad_request"),
        ("/chain/delegates?count=257", 400, "bad_request"),
        (f"/chain/delegates/{format_address(ALICE)}", 404, "not_found"),
        ("/chain/transactions/00", 400, "bad_request"),
        (f"/chain/transactions/{'zz' * 32}", 400, "bad_request"),
        (f"/chain/transactions/{'01' * 32}", 404, "not_found"),
    ],
)
async def test_a_wrong_request_is_answered_with_a_code_and_a_remedy(
    path: str, status: int, code: str
):
    response = await get(path)
    assert response.status_code == status
    assert error_of(response)["code"] == code


async def test_another_method_is_refused():
    async with make_client() as client:
        response = await client.post("/chain/status")
    assert response.status_code == 405
    assert error_of(response)["code"] == "method_not_allowed"


async def test_a_bug_in_a_route_is_a_500_that_shows_nothing_of_it():
    with kept_log() as log:
        response = await get("/chain/status", make_client(FixedView(broken=True)))
    assert "planted" in log.getvalue()
    assert response.status_code == 500
    assert error_of(response)["code"] == "internal"
    assert "planted" not in response.text


async def test_readyz_names_the_failing_check_and_its_remedy():
    view = FixedView(
        checks=(Check("peers", ok=False, detail="no peer", remedy="Set p2p.bootstrap."),)
    )
    response = await get("/readyz", make_client(view))
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "checks": [
            {"name": "peers", "ok": False, "detail": "no peer", "remedy": "Set p2p.bootstrap."}
        ],
    }


async def test_metrics_count_requests_by_route_and_not_by_path():
    async with make_client() as client:
        await client.get("/chain/blocks/1")
        await client.get("/chain/blocks/2")
        await client.get("/made/up/by/a/stranger")
        text = (await client.get("/metrics")).text
    line = 'neurond_http_requests_total{route="/chain/blocks/{height}",status="200"} 2.0'
    assert line in text
    assert "stranger" not in text


async def test_a_transaction_is_handed_in_as_bytes():
    async with make_client() as client:
        taken = await client.post("/chain/transactions", content=bytes(32))
        refused = await client.post("/chain/transactions", content=b"x")
    assert (taken.status_code, taken.json()) == (202, {"id": "00" * 32})
    assert error_of(refused)["message"] == "That is no transaction."


async def test_a_list_of_transactions_is_answered_one_by_one():
    items = [bytes(32), b"x", bytes([1]) * 32]
    async with make_client() as client:
        answer = await client.post("/chain/transactions", content=cbor2.dumps(items))
    assert answer.status_code == 200
    body = answer.json()
    assert body["accepted"] == 2
    assert [result["id"] for result in body["results"]] == ["00" * 32, None, "01" * 32]
    error = body["results"][1]["error"]
    assert (error["code"], bool(error["remedy"])) == ("bad_request", True)


@pytest.mark.parametrize(
    "body",
    [
        cbor2.dumps([b"x"] * 1_025),
        cbor2.dumps([b"x", 1]),
        cbor2.dumps([b"x"]) + b"x",
        b"\x81\x58\x01x",  # a length of one byte written as two
        cbor2.dumps([bytes(65_537)]),
    ],
)
async def test_a_list_that_is_none_is_a_bad_request(body: bytes):
    async with make_client() as client:
        answer = await client.post("/chain/transactions", content=body)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "bad_request"


async def test_a_single_transaction_is_never_taken_for_a_list():
    signed = make_transaction(make_ledger(), "hot0")
    assert not is_many(codec.encode(signed))
    assert is_many(write_many([codec.encode(signed)] * 300))
    for body in (b"", b"\x80", b"\x81", b"\x98", b"\x99\x01\x00"):
        assert not is_many(body)


@pytest.mark.parametrize(
    ("edits", "status", "code"),
    [
        ({"weights": [{"uid": 0, "uids": [1], "values": [1]}]}, 422, "invalid_edit"),
        ({"weights": [{"uid": 0, "uids": [1]}]}, 400, "bad_request"),
        ({"weights": [{"uid": 0, "uids": [1], "values": [65536]}]}, 400, "bad_request"),
        ({"weight": []}, 400, "bad_request"),
        ({"stakes": [{"uid": 65536, "stake": 1}]}, 400, "bad_request"),
        ({"hyperparameters": {"kappa": "much"}}, 400, "bad_request"),
        ({"hyperparameters": {str(n): n for n in range(17)}}, 400, "bad_request"),
        ([], 400, "bad_request"),
    ],
)
async def test_edits_that_make_no_sense_are_refused(edits: object, status: int, code: str):
    async with make_client() as client:
        good = await client.post("/chain/subnets/1/what-if", json={"hyperparameters": {"kappa": 1}})
        answer = await client.post("/chain/subnets/1/what-if", json=edits)
    assert good.status_code == 200
    assert answer.status_code == status
    assert error_of(answer)["code"] == code


async def test_a_body_over_the_limit_is_refused():
    settings = ApiSettings(max_body_bytes=1_024)
    async with make_client(settings=settings) as client:
        response = await client.post("/chain/transactions", content=bytes(1_025))
    assert response.status_code == 413
    assert error_of(response)["code"] == "too_large"


async def test_a_client_over_its_rate_is_refused_until_time_passes(autojump_clock: object):
    settings = ApiSettings(rate_per_s=1, rate_burst=2)
    async with make_client(settings=settings) as client:
        statuses = [(await client.get("/healthz")).status_code for _ in range(3)]
        await trio.sleep(1.1)
        later = await client.get("/healthz")
    assert statuses == [200, 200, 429]
    assert later.status_code == 200


async def test_a_page_that_rebinds_its_name_to_loopback_is_refused():
    async with make_client() as client:
        evil = await client.get("/chain/status", headers={"host": "evil.example"})
        fine = await client.get("/chain/status", headers={"host": "localhost:9944"})
        six = await client.get("/chain/status", headers={"host": "[::1]:9944"})
    assert evil.status_code == 421
    assert fine.status_code == six.status_code == 200


async def test_a_door_with_keys_opens_to_a_key_only(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{KEY}\n")
    keys = ApiKeys(file)
    async with make_client(keys=keys) as client:
        alive = await client.get("/healthz")
        none = await client.get("/chain/status")
        wrong = await client.get("/chain/status", headers={"authorization": f"Bearer {KEY}x"})
        right = await client.get("/chain/status", headers={"authorization": f"Bearer {KEY}"})
        file.write_text(KEY[::-1])
        keys.reload()
        old = await client.get("/chain/status", headers={"authorization": f"Bearer {KEY}"})
    statuses = [one.status_code for one in (alive, none, wrong, right, old)]
    assert statuses == [200, 401, 401, 200, 401]
    assert error_of(none)["code"] == "unauthorized"


@pytest.mark.parametrize("text", ["", "# none\n", "short\n"])
def test_a_keys_file_without_usable_keys_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(ConfigError):
        ApiKeys(file)


def test_a_bad_reload_leaves_the_keys_as_they_were(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(KEY)
    keys = ApiKeys(file)
    file.write_text("")
    with pytest.raises(ConfigError):
        keys.reload()
    assert keys.is_accepted(KEY)


async def test_the_openapi_description_names_every_route_and_the_errors():
    schema = (await get("/openapi.json")).json()
    assert {"/chain/status", "/chain/blocks/{height}", "/readyz", "/events"} <= set(schema["paths"])
    answers = schema["paths"]["/chain/status"]["get"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("StatusAnswer")
    assert answers["404"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorAnswer")


async def test_the_docs_page_loads_nothing_from_elsewhere():
    page = (await get("/docs")).text
    assert "/chain/metagraph/{netuid}" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


async def test_metrics_can_be_turned_off():
    app = build_app(FixedView(), Telemetry(), ApiSettings(), ApiKeys(None), metrics=False)
    transport = ASGITransport(app)  # pyright: ignore[reportArgumentType]  # looser ASGI types
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_what_the_openapi_promises_is_what_the_answer_has():
    schema = (await get("/openapi.json")).json()
    model = schema["components"]["schemas"]["StatusAnswer"]
    answer = json.loads((await get("/chain/status")).text)
    assert set(answer) == set(model["properties"])


async def test_busy_is_said_when_all_slots_are_taken():
    began, done = trio.Event(), trio.Event()

    async def send_slowly() -> AsyncIterator[bytes]:
        began.set()
        await done.wait()
        yield b"{}"

    async with (
        make_client(settings=ApiSettings(max_concurrent=1)) as client,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(partial(client.post, "/faucet", content=send_slowly()))
        await began.wait()
        response = await client.get("/chain/status")
        done.set()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert error_of(response)["code"] == "busy"


async def test_the_faucet_takes_an_address_and_nothing_else():
    async with make_client() as client:
        answer = await client.post("/faucet", json={"address": format_address(ALICE)})
        assert (answer.status_code, answer.json()) == (202, {"id": ALICE.hex()})
        for body in ({"address": "me"}, {}, {"address": 5}):
            refused = await client.post("/faucet", json=body)
            assert refused.status_code == 400
            assert refused.json()["error"]["remedy"]
