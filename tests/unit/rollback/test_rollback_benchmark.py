"""What ``make bench-rollback`` reports is computed right: from books, rows and answers to figures."""

import asyncio
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.figures import Results
from benchmarks.processes import Measured
from benchmarks.rollback import costing, cutting, dying, gating
from benchmarks.rollback.cutting import Cut, Sent
from benchmarks.rollback.door import Door, all_but_writing, application_of, everybody, nobody, only_writing
from benchmarks.rollback.dying import Burial, Harm, Tried
from benchmarks.rollback.fleet import BooksEntry
from benchmarks.rollback.plan import BARS, FULL, LAST_PAYMENT, QUICK, SHOPPERS
from benchmarks.rollback.shoppers import Visit, failure_of
from hypothesis import given
from hypothesis import strategies as st

from interlock.cli.replay.scene import misconfigured
from interlock.releases.gates.types import Finding, Gate, GateReport, Verdict

NAMES = {
    "decision_to_last_candidate_payment_p99_s": "<= 1",
    "sent_to_candidate_by_resumed_process": "== 0",
    "shopper_failures_dead_candidate": "== 0",
    "excess_candidate_failures_dead": "<= 6",
    "throughput_with_canary_over_without": ">= 0.95",
    "gates_seconds": "<= 60",
}


def test_the_figures_have_the_names_and_bars_that_documents_quote() -> None:
    assert {bar.name: bar.bar for bar in BARS} == NAMES


def test_every_way_of_being_dead_is_tried_by_a_quick_run_and_equally_often_by_a_whole_one() -> None:
    ways = dying.deaths()
    assert QUICK.deaths == len(ways)
    assert FULL.deaths % len(ways) == 0
    assert FULL.cuts >= 30


def test_the_last_payment_counts_though_one_rollback_in_many_was_late() -> None:
    results = Results(BARS)
    for seconds in (*[0.01] * 35, 1.4):
        results.add(LAST_PAYMENT, seconds)
    (figure,) = results.figures()
    assert (figure["value"], figure["holds"]) == (1.4, False)


def test_one_shopper_who_was_failed_by_one_of_many_dead_candidates_is_seen() -> None:
    results = Results(BARS)
    for failures in (*[0] * 19, 1):
        results.add(SHOPPERS, failures)
    (figure,) = results.figures()
    assert (figure["value"], figure["holds"]) == (1, False)


# Rollbacks


@given(st.lists(st.tuples(st.floats(-5, 5), st.sampled_from(["a", "b"])), max_size=20))
def test_the_last_payment_after_a_decision_is_that_of_whatever_process_sent_last(
    times: list[tuple[float, str]],
) -> None:
    sent = [Sent(100 + after_s, node) for after_s, node in times]
    last = cutting.last_after(sent, 100.0)
    assert last == pytest.approx(max(0.0, *(cutting.last_after(sent, 100.0, node) for node in "ab")))
    assert all(payment.at_s <= 100 + last + 1e-9 for payment in sent)


def test_what_a_resumed_process_sends_is_told_from_what_others_and_its_past_sent() -> None:
    sent = [Sent(9.0, "stopped"), Sent(10.5, "other"), Sent(10.0, "stopped"), Sent(12.0, "stopped")]
    assert cutting.by_resumed(sent, "stopped", 10.0004) == 2


def test_a_payment_that_was_sent_and_is_not_in_the_database_stops_the_measurement() -> None:
    books = [BooksEntry(1_500, "authorisation", "at_1"), BooksEntry(2_000, "authorisation", "at_2")]
    assert cutting.senders_of(books[:1], {"at_1": "api-3"}) == [Sent(1.5, "api-3")]
    with pytest.raises(KeyError, match="at_2"):
        cutting.senders_of(books, {"at_1": "api-3"})


def cut(**changes: object) -> Cut:
    fields: dict[str, object] = {
        "stopped": "api-1", "cut_off": None, "reading_only": False, "committed_s": 0.01, "last_s": 0.02,
        "last_of_cut_off_s": None, "by_resumed": 0, "candidate_payments": 9, "withdrawn_by_resumed": 1,
        "shopper_failures": [],
    }  # fmt: skip
    return Cut(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_details_tell_processes_apart_by_what_they_could_reach() -> None:
    told = cutting.details(
        [
            cut(),
            cut(cut_off="api-2", last_of_cut_off_s=0.6, last_s=0.6, reading_only=True),
            cut(cut_off="api-3", last_of_cut_off_s=0.1, last_s=0.3, shopper_failures=["no answer"]),
        ]
    )
    assert told["last_payment_without_cut_off_s_max"] == 0.02
    assert told["last_payment_of_process_that_can_only_write_s_max"] == 0.6
    assert told["last_payment_of_process_without_database_s_max"] == 0.1
    assert (told["taken_back_by_resumed_process"], told["shopper_failures"]) == (3, ["no answer"])


# Dead candidates


def test_a_failure_counts_when_its_outcome_was_known_at_the_decision() -> None:
    tried = [
        Tried("refused", "x", 900), Tried("refused", "x", 1_000), Tried("refused", "x", 1_001),
        Tried("unknown", "x", None), Tried("approved", None, 500), Tried("declined", "card_declined", 500),
        Tried("not_sent", "release_withdrawn", 1_200),
    ]  # fmt: skip
    assert dying.harm_of(tried, 1_000) == Harm(known=2, in_flight=2, taken_back=1)


def test_the_constant_that_makes_a_candidate_dead_is_still_there_to_be_wrong() -> None:
    (wrong,) = [death.package for death in dying.deaths() if death.package is not None]
    assert wrong != misconfigured("another")


def test_dead_candidates_are_told_by_the_way_they_were_dead() -> None:
    def buried(death: str, known: int) -> Burial:
        harm = Harm(known, 1, 0)
        return Burial(
            death=death, harm=harm, seconds=4.04, states={"refused": known + 1}, shopper_failures=[], slowest_s=0.52
        )

    told = dying.details([buried("401", 4), buried("503", 5), buried("401", 3)])
    assert told["401"] == {
        "candidate_payments": [5, 4], "slowest_answer_s": [0.5, 0.5],
        "failures_known_at_decision": [4, 3], "failures_in_flight_at_decision": [1, 1], "taken_back_unsent": 0,
        "seconds_from_proposal": [4.0, 4.0], "states": {"refused": 9}, "shopper_failures": [],
    }  # fmt: skip


# Shoppers


@pytest.mark.parametrize(
    ("status", "body", "declines", "failure"),
    [
        (200, b'{"status":"succeeded"}', False, ""),
        (200, b'{"status":"processing"}', False, "processing"),
        (200, b'{"status":"succeeded"}', True, "200 instead of a decline"),
        (402, b'{"error":{"code":"card_declined"}}', True, ""),
        (402, b'{"error":{"code":"card_declined"}}', False, '402 {"error":{"code":"card_declined"}}'),
        (500, b"oops", False, "500 oops"),
    ],
)
def test_a_shopper_is_failed_by_everything_but_what_the_card_deserved(
    status: int, body: bytes, declines: bool, failure: str
) -> None:
    assert failure_of(status, body, declines=declines) == failure


def test_a_shopper_without_an_answer_was_failed() -> None:
    assert Visit(0.0, "api-1").complaint() == "no answer"
    assert Visit(0.0, "api-1", seconds=0.1).complaint() == ""


# Throughput and gates


def measured(**cpu_s: float) -> Measured:
    named = {name.replace("_", "-"): value for name, value in cpu_s.items()}
    return Measured(payments=1_000, seconds=2.0, p50_ms=1, p90_ms=1, p99_ms=1, max_ms=1, cpu_s=named)


def test_a_turn_sums_the_processes_of_the_api() -> None:
    turn = costing.turn_of(measured(api_1=0.2, api_2=0.3, worker=0.1), candidate=50, payments=1_000)
    assert turn.cpu_us == {"api": pytest.approx(500), "worker": pytest.approx(100)}
    assert (turn.per_second, turn.candidate_share) == (500, 0.05)


@pytest.mark.parametrize(("with_canary", "without"), [(0, 0), (90, 0), (50, 1)])
def test_turns_that_compare_something_else_are_refused(with_canary: int, without: int) -> None:
    turns = [costing.turn_of(measured(api=1), count, 1_000) for count in (with_canary, without)]
    with pytest.raises(costing.NoCanaryError, match="with a canary"):
        costing.check_shares(*turns)


def report(verdict: Verdict) -> GateReport:
    finding = Finding(check="lint.x", verdict=verdict, where="here", problem="wrong", remedy="mend it")
    return GateReport(gate=Gate.LINT, verdict=verdict, checks={"lint.x": 3}, findings=(finding,), duration_ms=1_250)


def test_the_time_of_a_gate_that_ended_early_is_not_the_time_of_the_gates() -> None:
    assert gating.problems([report(Verdict.FAILED), report(Verdict.ERROR)]) == [
        "lint failed: here: wrong; mend it",
        "lint error: here: wrong; mend it",
    ]
    assert gating.problems([report(Verdict.PASSED), report(Verdict.INCONCLUSIVE)]) == []
    assert gating.details([report(Verdict.INCONCLUSIVE)])["lint"] == {
        "verdict": "inconclusive", "cases": 3, "seconds": 1.2, "findings": ["here: wrong; mend it"],
    }  # fmt: skip


# The door


@pytest.fixture
def folder() -> Iterator[Path]:  # a short path: names of unix sockets have a hundred characters
    with tempfile.TemporaryDirectory(prefix="il-door-") as name:
        yield Path(name)


def startup(name: str) -> bytes:
    words = f"user\0ann\0application_name\0{name}\0\0".encode()
    return struct.pack("!ii", 8 + len(words), 196_608) + words


async def test_a_shut_door_keeps_back_whom_it_holds_and_lets_the_others_through(folder: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1_000):
            writer.write(chunk)
        writer.close()

    server = await asyncio.start_unix_server(echo, str(folder / ".s.PGSQL.5432"))
    door = Door(f"postgresql:///postgres?host={folder}&port=5432", folder / "door")
    await door.build()
    connections = {}
    try:
        for name in ("interlock", "interlock-writer"):
            reader, writer = await asyncio.open_unix_connection(str(folder / "door" / ".s.PGSQL.5432"))
            writer.write(startup(name))
            assert await reader.readexactly(len(startup(name))) == startup(name)
            connections[name] = (reader, writer)
        for holds, heard in ((only_writing, "interlock"), (all_but_writing, "interlock-writer"), (everybody, None)):
            door.shut(holds)
            for name, (reader, writer) in connections.items():
                writer.write(b"question")
                if name == heard:
                    assert await reader.readexactly(8) == b"question"
                else:
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(reader.readexactly(8), 0.1)
            door.open()
            for name, (reader, _) in connections.items():
                if name != heard:  # nothing is lost of what waited
                    assert await reader.readexactly(8) == b"question"
    finally:
        for _, writer in connections.values():
            writer.close()
        await door.tear_down()
        server.close()


def test_a_connection_is_known_by_its_application_and_one_without_a_name_is_nobodys() -> None:
    assert application_of(startup("interlock-writer")) == "interlock-writer"
    assert application_of(struct.pack("!iiii", 16, 80_877_102, 1, 2)) == ""
    assert not nobody("interlock-writer")
