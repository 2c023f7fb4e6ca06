"""Exceptions: for bugs and broken infrastructure only. Expected failures are values (``base.problems``).

::

    InterlockError
    ├── ConfigurationError      a setting is absent or wrong; names field, problem and remedy
    ├── StorageError            the database cannot be used
    │   └── CommitUnknownError  the commit was sent and its answer lost: maybe durable, maybe not
    ├── VaultError              a card cannot be sealed, opened or found
    ├── ConnectorError          a connector broke its contract (a bug in connector code)
    ├── IsolationError          the process that candidate code runs in cannot be started or died by itself
    └── InvariantError          our own rule was broken (a bug here): never caught to go on
"""


class InterlockError(Exception):
    """Root of every exception raised on purpose."""


class ConfigurationError(InterlockError):
    """A setting is absent or wrong."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        """Name the ``field``, its ``problem`` and the ``remedy``, each a short phrase."""
        super().__init__(f"{field}: {problem}; {remedy}")
        self.field = field
        self.problem = problem
        self.remedy = remedy


class StorageError(InterlockError):
    """The database cannot be used."""


class CommitUnknownError(StorageError):
    """The answer to a commit was lost; only reading back by idempotency key can settle it."""


class VaultError(InterlockError):
    """A card cannot be sealed, opened or found."""


class ConnectorError(InterlockError):
    """Connector code broke the connector contract."""


class IsolationError(InterlockError):
    """The separate process for candidate code cannot be started, or died of something that is not the code's doing."""


class InvariantError(InterlockError):
    """A rule of our own was broken."""
