"""Even writes: only what changed is asked for, and nothing that goes wrong there matters."""

import os
import sys
from pathlib import Path

import pytest

from interlock.storage.postgres_writeback import Writeback, kernel_start_writing


@pytest.fixture
def table(tmp_path: Path) -> Path:
    table = tmp_path / "base" / "5" / "16384"
    table.parent.mkdir(parents=True)
    table.write_bytes(b"page")
    return table


def change(table: Path) -> None:
    before_ns = table.stat().st_mtime_ns
    table.write_bytes(b"another page")
    os.utime(table, ns=(before_ns + 1, before_ns + 1))


def test_a_file_is_asked_for_when_it_changed_and_only_then(tmp_path: Path, table: Path) -> None:
    asked: list[int] = []
    writeback = Writeback(tmp_path, asked.append)
    assert [writeback.ask(), writeback.ask()] == [1, 0]
    change(table)
    assert [writeback.ask(), writeback.ask()] == [1, 0]
    assert len(asked) == 2


def test_what_cannot_be_read_is_left_alone(tmp_path: Path, table: Path) -> None:
    def refuse(_: int) -> None:
        raise OSError("no such call")

    assert Writeback(tmp_path, refuse).ask() == 0
    assert Writeback(tmp_path / "absent", refuse).ask() == 0
    table.unlink()
    (tmp_path / "base" / "stray").write_bytes(b"")
    assert Writeback(tmp_path, refuse).ask() == 0


def test_the_thread_ends_when_told(tmp_path: Path) -> None:
    writeback = Writeback(tmp_path, lambda _: None)
    writeback.stop()
    writeback = Writeback(tmp_path, lambda _: None)
    writeback.start()
    writeback.stop()
    assert not writeback.is_alive()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a call of Linux")
def test_the_kernel_takes_the_request(table: Path) -> None:
    start_writing = kernel_start_writing()
    assert start_writing is not None
    with table.open("rb") as file:
        start_writing(file.fileno())
