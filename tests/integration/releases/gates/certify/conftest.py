"""One workshop for all tests of the gate, on the test process's own Postgres."""

from collections.abc import Iterator

import pytest
from tests.support import certify
from tests.support.certify import Certifier

from interlock.storage.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def certifier(postgres: EmbeddedPostgres) -> Iterator[Certifier]:
    with certify.certifier(postgres.url) as opened:
        yield opened
