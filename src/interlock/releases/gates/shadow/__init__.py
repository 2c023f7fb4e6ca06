"""The gate *shadow*: real requests built again by candidate and stable, recorded answers read again by both.

Called by ``releases.service`` and ``cli``: :func:`read_recordings` where the database is (or :func:`from_file`), then
:func:`run`. Nothing is sent, no card is ever opened.
"""

from interlock.releases.gates.shadow.gate import run as run
from interlock.releases.gates.shadow.recordings import Limits as Limits
from interlock.releases.gates.shadow.recordings import read_recordings as read_recordings
from interlock.releases.gates.shadow.types import Recording as Recording
from interlock.releases.gates.shadow.types import Recordings as Recordings
from interlock.releases.gates.shadow.types import from_file as from_file
from interlock.releases.gates.shadow.types import to_file as to_file
