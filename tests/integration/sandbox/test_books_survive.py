"""The books through kill -9 and restart: what was acknowledged is there, once; what was scheduled still happens."""

import csv
import http.client
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.sandboxes import Gateway, adyen_sale, fetch, running, stripe_sale, wait_until

from interlock.sandbox.store import BookEntry, Kept, Store

INTENT = "/v1/payment_intents"


@pytest.mark.parametrize("provider", ["stripe", "adyen"])
def test_every_acknowledged_payment_is_booked_after_kills_under_load(provider: str, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    gateway = Gateway(provider, tmp_path, "--no-validate")
    stop = threading.Event()

    def shop(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = f"key-{worker}-{number}"
            try:
                if provider == "stripe":
                    answer = gateway.stripe("POST", INTENT, stripe_sale(), idempotency_key=key)
                else:
                    answer = gateway.adyen("/payments", adyen_sale(reference=key), idempotency_key=key)
            except (OSError, http.client.HTTPException):
                continue
            assert answer.status == 200, answer.body
            acknowledged.append(key)

    gateway.start()
    threads = [threading.Thread(target=shop, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            time.sleep(0.3)
            gateway.kill()
            gateway.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    booked = [entry["idempotency_key"] for entry in gateway.books(kind="authorisation")]
    gateway.kill()
    assert len(acknowledged) > 50
    assert set(acknowledged) <= set(booked)
    assert len(booked) == len(set(booked))


def test_after_a_restart_keys_replay_and_payments_go_on(tmp_path: Path) -> None:
    with running("stripe", tmp_path) as gateway:
        held = gateway.stripe("POST", INTENT, stripe_sale(capture_method="manual"), idempotency_key="held").json()
        gateway.kill()
        gateway.start()
        again = gateway.stripe("POST", INTENT, stripe_sale(capture_method="manual"), idempotency_key="held")
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == held
        captured = gateway.stripe("POST", f"{INTENT}/{held['id']}/capture").json()
        assert (captured["status"], captured["amount_received"]) == ("succeeded", 1099)


def test_a_modification_received_before_the_kill_is_carried_out_after_it(tmp_path: Path) -> None:
    with running("adyen", tmp_path, "--modification-delay-ms", "400") as gateway:
        psp = gateway.adyen("/payments", adyen_sale(captureDelayHours=24)).json()["pspReference"]
        capture = {"merchantAccount": "InterlockSandbox", "amount": {"value": 1099, "currency": "USD"}}
        assert gateway.adyen(f"/payments/{psp}/captures", capture).status == 201
        gateway.kill()
        gateway.start()
        wait_until(lambda: gateway.books(payment_id=psp, kind="capture"))


def test_the_settlement_file_is_csv_json_and_totals_of_the_same_money(tmp_path: Path) -> None:
    with running("stripe", tmp_path, "--no-validate") as gateway:
        for number in range(12):
            gateway.stripe("POST", INTENT, stripe_sale(currency="eur" if number % 3 else "usd"))
        rows = list(csv.DictReader(io.StringIO(fetch("GET", f"{gateway.url}/_sandbox/books.csv").body.decode())))
        entries = gateway.books()
        assert [int(row["seq"]) for row in rows] == [entry["seq"] for entry in entries] == list(range(1, 25))
        totals = gateway.control("GET", "books/totals")["totals"]
        captured = {
            line["currency"]: (line["count"], line["amount_minor"]) for line in totals if line["kind"] == "capture"
        }
        assert captured == {"eur": (8, 8 * 1099), "usd": (4, 4 * 1099)}
        assert len(gateway.books(currency="usd", kind="capture")) == 4
        assert [entry["seq"] for entry in gateway.books(after_seq="20")] == [21, 22, 23, 24]


def test_a_gateway_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    script = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-m', 'interlock.sandbox', 'stripe', '--port-file', {str(port_file)!r}])\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, env=dict(os.environ))
    wait_until(port_file.exists, 20)
    url = f"http://127.0.0.1:{port_file.read_text().strip()}/_sandbox/health"
    assert fetch("GET", url).json()["durable"] is False
    parent.kill()
    parent.wait(10)

    def gone() -> bool:
        try:
            fetch("GET", url)
        except OSError:
            return True
        return False

    wait_until(gone)


def test_two_gateways_never_share_their_books(tmp_path: Path) -> None:
    with running("stripe", tmp_path, "--no-validate"):
        command = [sys.executable, "-m", "interlock.sandbox", "stripe", "--data-dir", str(tmp_path / "data")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, "used by another gateway" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [(("--host", "192.0.2.1"), "loopback"), (("--specs", "/no/such/folder"), "specs"), (("--port", "99999"), "port")],
)
def test_wrong_options_are_refused_in_one_line(options: tuple[str, ...], complaint: str) -> None:
    command = [sys.executable, "-m", "interlock.sandbox", "stripe", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_with_books_on_disk_forgets_nothing(tmp_path: Path) -> None:
    with running("stripe", tmp_path) as gateway:
        gateway.stripe("POST", INTENT, stripe_sale())
        assert "keeps its books" in gateway.control("POST", "forget")["error"]
        assert gateway.books(kind="authorisation")


def test_a_gateway_without_a_folder_is_as_fresh_as_at_its_start_once_it_has_forgotten() -> None:
    store = Store(None)
    facts: dict[str, Any] = {
        name: 1 if name in {"at_ms", "amount_minor"} else "x" for name in BookEntry.__struct_fields__
    }
    for _ in range(2):
        # Booking needs an event loop to be durable.
        store._entries.append(BookEntry(**facts))
        store._dirty["pi_1"] = Kept(b"", 200, b"")
        assert (store.count("books"), store.count("objects")) == (1, 1)
        store.forget()
        assert (store.count("books"), store.count("objects"), store.get("pi_1", Kept)) == (0, 0, None)
