"""Each kind of fault does what it says, seen from a client's socket, and the books tell what really happened."""

import http.client
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from tests.support.sandboxes import Answer, Gateway, adyen_sale, fetch, running, stripe_sale, wait_until

INTENT = "/v1/payment_intents"


@pytest.fixture
def gateway(stripe_gateway: Gateway) -> Iterator[Gateway]:
    yield stripe_gateway
    stripe_gateway.clear_faults()


def sell(gateway: Gateway, key: str, **more: str) -> Answer:
    return gateway.stripe("POST", INTENT, stripe_sale(**more), idempotency_key=key)


def booked(gateway: Gateway, key: str) -> int:
    return len(gateway.books(idempotency_key=key, kind="authorisation"))


def test_refuse_answers_in_the_providers_words_and_books_nothing(gateway: Gateway) -> None:
    gateway.fault("refuse", status=401, code="api_key_expired", message="Expired API Key provided")
    answer = sell(gateway, "refuse-1")
    assert (answer.status, answer.json()["error"]["code"], booked(gateway, "refuse-1")) == (401, "api_key_expired", 0)


def test_refuse_can_send_any_body(gateway: Gateway) -> None:
    gateway.fault("refuse", status=422, body='{"oops":1}')
    assert (sell(gateway, "refuse-2").status, sell(gateway, "refuse-3").json()) == (422, {"oops": 1})


def test_decline_is_an_honest_decline_in_the_books(gateway: Gateway) -> None:
    gateway.fault("decline", code="card_declined", decline_code="do_not_honor", schedule={"first": 1})
    answer = sell(gateway, "decline-1")
    assert (answer.status, answer.json()["error"]["decline_code"]) == (402, "do_not_honor")
    assert [entry["code"] for entry in gateway.books(idempotency_key="decline-1")] == ["do_not_honor"]
    assert sell(gateway, "decline-2").status == 200


def test_latency_delays_and_a_second_request_with_the_key_meets_a_conflict(gateway: Gateway) -> None:
    gateway.fault("latency", ms=400)
    first: list[Answer] = []
    thread = threading.Thread(target=lambda: first.append(sell(gateway, "slow-1")))
    started = time.monotonic()
    thread.start()
    time.sleep(0.15)
    second = sell(gateway, "slow-1")
    thread.join()
    assert (second.status, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert first[0].status == 200
    assert time.monotonic() - started >= 0.4
    assert booked(gateway, "slow-1") == 1


@pytest.mark.parametrize(("kind", "times"), [("timeout_before", 0), ("timeout_after", 1)])
def test_timeouts_before_and_after_execution(gateway: Gateway, kind: str, times: int) -> None:
    gateway.fault(kind, schedule={"first": 1})
    with pytest.raises(TimeoutError):
        _impatient(gateway, kind)
    assert booked(gateway, kind) == times
    again = sell(gateway, kind)
    assert again.status == 200
    assert ("idempotent-replayed" in again.headers) is bool(times)
    assert booked(gateway, kind) == 1


def _impatient(gateway: Gateway, key: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=0.3)
    try:
        headers = {"authorization": "Bearer sk_test_sandbox_x", "idempotency-key": key}
        connection.request("POST", INTENT, urlencode(stripe_sale()), headers)
        connection.getresponse()
    finally:
        connection.close()


@pytest.mark.parametrize(("kind", "times"), [("reset_before", 0), ("reset_after", 1)])
def test_resets_are_true_resets(gateway: Gateway, kind: str, times: int) -> None:
    gateway.fault(kind, schedule={"first": 1})
    with pytest.raises(ConnectionResetError):
        sell(gateway, kind)
    assert booked(gateway, kind) == times
    assert sell(gateway, kind).status == 200
    assert booked(gateway, kind) == 1


@pytest.mark.parametrize("executes", [False, True])
def test_server_errors_before_and_after_execution(gateway: Gateway, *, executes: bool) -> None:
    gateway.fault("status_5xx", status=502, executes=executes)
    assert sell(gateway, f"five-{executes}").status == 502
    assert booked(gateway, f"five-{executes}") == int(executes)


def test_html_with_status_200(gateway: Gateway) -> None:
    gateway.fault("html")
    answer = sell(gateway, "html-1")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
    assert booked(gateway, "html-1") == 1


def test_truncated_bodies_end_before_their_announced_length(gateway: Gateway) -> None:
    gateway.fault("truncated")
    with pytest.raises(http.client.IncompleteRead):
        sell(gateway, "truncated-1")
    assert booked(gateway, "truncated-1") == 1


def test_empty_bodies(gateway: Gateway) -> None:
    gateway.fault("empty")
    answer = sell(gateway, "empty-1")
    assert (answer.status, answer.body, booked(gateway, "empty-1")) == (200, b"", 1)


@pytest.mark.parametrize("variant", ["", "utf16"])
def test_misencoded_bodies_are_no_utf8_json(gateway: Gateway, variant: str) -> None:
    gateway.fault("misencoded", variant=variant)
    answer = sell(gateway, f"misencoded-{variant}")
    with pytest.raises(ValueError, match=r"."):
        answer.json()
    assert booked(gateway, f"misencoded-{variant}") == 1


def test_wrong_echoes_lie_about_money_that_is_booked_right(gateway: Gateway) -> None:
    gateway.fault("wrong_amount", factor=100)
    assert sell(gateway, "echo-1").json()["amount_received"] == 109900
    gateway.clear_faults()
    gateway.fault("wrong_currency", currency="eur")
    assert sell(gateway, "echo-2").json()["currency"] == "eur"
    assert [(e["amount_minor"], e["currency"]) for e in gateway.books(idempotency_key="echo-2")] == [(1099, "usd")] * 2


def test_a_fault_may_concern_one_brand_and_operation_only(gateway: Gateway) -> None:
    gateway.fault("refuse", match={"operation": "capture", "brand": "visa"})
    held = sell(gateway, "held-visa", capture_method="manual").json()
    assert gateway.stripe("POST", f"{INTENT}/{held['id']}/capture").status == 400
    form = stripe_sale("5555555555554444", capture_method="manual")
    other = gateway.stripe("POST", INTENT, form).json()
    assert gateway.stripe("POST", f"{INTENT}/{other['id']}/capture").status == 200


def test_faults_are_listed_with_their_hits_and_removed_one_by_one(gateway: Gateway) -> None:
    fault_id = gateway.fault("refuse", match={"currency": "usd"}, schedule={"every": 2})
    for number in range(4):
        sell(gateway, f"count-{number}")
    listed = gateway.control("GET", "faults")["faults"]
    assert [(fault["id"], fault["matched"], fault["hits"]) for fault in listed] == [(fault_id, 4, 2)]
    assert gateway.control("DELETE", f"faults/{fault_id}") == {"deleted": 1}
    assert gateway.control("GET", "faults")["faults"] == []
    assert "error" in gateway.control("POST", "faults", {"kind": "earthquake"})


def test_down_refuses_connections_and_comes_back_at_the_same_port(gateway: Gateway) -> None:
    control_port = gateway.control("GET", "health")["control_port"]
    gateway.fault("down", for_s=30)

    def refused() -> bool:
        try:
            fetch("GET", f"{gateway.url}/v1/account")
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            return False
        return False

    wait_until(refused)
    fetch("DELETE", f"http://127.0.0.1:{control_port}/_sandbox/faults")
    wait_until(lambda: not refused())
    assert sell(gateway, "after-down").status == 200


def test_adyen_suffers_in_its_own_words(adyen_gateway: Gateway) -> None:
    match = {"operation": "sale", "currency": "usd", "bin": "4242"}
    adyen_gateway.fault("refuse", status=422, code="905", message="Not supported", match=match, schedule={"first": 1})
    refused = adyen_gateway.adyen("/payments", adyen_sale(reference="adyen-fault"))
    assert (refused.status, refused.json()["errorCode"]) == (422, "905")
    adyen_gateway.fault("decline", decline_code="insufficient_funds", schedule={"first": 1})
    declined = adyen_gateway.adyen("/payments", adyen_sale(reference="adyen-fault"))
    assert declined.json()["refusalReasonCode"] == "12"
    adyen_gateway.fault("latency", ms=300)
    thread = threading.Thread(target=lambda: adyen_gateway.adyen("/payments", adyen_sale(), idempotency_key="busy"))
    thread.start()
    time.sleep(0.1)
    busy = adyen_gateway.adyen("/payments", adyen_sale(), idempotency_key="busy")
    thread.join()
    adyen_gateway.clear_faults()
    assert (busy.status, busy.json()["errorCode"], busy.headers["transient-error"]) == (422, "704", "true")


def test_the_same_seed_and_requests_give_the_same_faults(tmp_path_factory: pytest.TempPathFactory) -> None:
    def statuses() -> list[int]:
        with running("stripe", tmp_path_factory.mktemp("seeded"), "--seed", "11", "--no-validate") as one:
            one.fault("refuse", probability=0.5)
            return [sell(one, f"seeded-{number}").status for number in range(20)]

    first = statuses()
    assert first == statuses()
    assert {200, 400} == set(first)
