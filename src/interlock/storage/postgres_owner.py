"""Postgres owner: as whom the embedded server runs, and what that user can reach; called by ``embedded`` only.

Postgres refuses to run as root. When root starts it, the server gets a user id that nobody else uses. Nothing of the
machine is changed for that: no user is created and no parent folder's permissions are opened. Where a parent folder
keeps the user out (a checkout below /root), the data directory is entered through an inherited descriptor instead.
"""

import hashlib
import os
import pwd
import stat
import tempfile
from pathlib import Path

import msgspec

from interlock.base.errors import ConfigurationError

_FIRST_UID = 61_000
_UIDS = 3_000
_SHARED_HOMES = (Path("/var/lib/interlock"), Path("/opt/interlock"))


class Owner(msgspec.Struct, frozen=True):
    """A user and group id."""

    uid: int
    gid: int


def owner_of(folder: Path) -> Owner | None:
    """Return who shall own ``folder`` and run the server, or None when that is simply us."""
    if os.geteuid() != 0:
        return None
    if folder.exists():
        found = folder.stat()
        if found.st_uid != 0:
            return Owner(found.st_uid, found.st_gid)
    start = int.from_bytes(hashlib.sha256(str(folder).encode()).digest()[:4])
    for step in range(_UIDS):
        uid = _FIRST_UID + (start + step) % _UIDS
        if not _has_account(uid):
            return Owner(uid, uid)
    raise ConfigurationError("embedded Postgres", "no unused user id was found", "start as an ordinary user")


def initdb_owner() -> Owner | None:
    """Return an existing unprivileged account for ``initdb``, which wants a name; None when that is us.

    Raises:
        ConfigurationError: the machine has no account but root.

    """
    if os.geteuid() != 0:
        return None
    accounts = sorted(pwd.getpwall(), key=lambda account: (account.pw_name != "nobody", account.pw_uid))
    for account in accounts:
        if account.pw_uid != 0:
            return Owner(account.pw_uid, account.pw_gid)
    raise ConfigurationError("embedded Postgres", "the machine has no account but root", "start as an ordinary user")


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def give(path: Path, owner: Owner | None) -> None:
    """Make ``owner`` the owner of ``path`` and all below it."""
    if owner is None:
        return
    try:
        os.chown(path, owner.uid, owner.gid)
        for folder, folders, names in os.walk(path):
            for name in (*folders, *names):
                os.chown(Path(folder) / name, owner.uid, owner.gid, follow_symlinks=False)
    except OSError as error:
        raise ConfigurationError(
            "embedded Postgres",
            f"{path} cannot be given to user id {owner.uid} ({error.strerror})",
            "start as an ordinary user, or set INTERLOCK_DATABASE_URL",
        ) from error


def reachable(path: Path, owner: Owner | None) -> bool:
    """Tell whether ``owner`` may pass through every folder above ``path``."""
    if owner is None:
        return True
    for parent in path.resolve().parents:
        found = parent.stat()
        mask = (
            stat.S_IXUSR if found.st_uid == owner.uid else stat.S_IXGRP if found.st_gid == owner.gid else stat.S_IXOTH
        )
        if not found.st_mode & mask:
            return False
    return True


def shared_home(owner: Owner | None) -> Path:
    """Return a folder of ours that ``owner`` can reach, for copied programs."""
    for home in _SHARED_HOMES:
        try:
            home.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError:
            continue
        found = home.stat()
        if found.st_uid == os.geteuid() and reachable(home / "x", owner):
            return home
    home = Path(tempfile.mkdtemp(prefix="interlock-"))
    home.chmod(0o755)
    return home
