"""What may be stored of a person: lengths, and what an email address must look like. Pure."""

import re

from msgspec import UnsetType

from interlock.base.problems import Problem, invalid

_LIMITS = {"email": 512, "name": 256, "phone": 20, "description": 5000}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def check_contact(**fields: str | UnsetType | None) -> Problem | None:
    """Return what is wrong with the first bad field among email, name, phone, description, or None."""
    for field, value in fields.items():
        if not isinstance(value, str):
            continue
        limit = _LIMITS[field]
        if len(value) > limit:
            return invalid(f"Invalid string: {value[:30]}...; must be at most {limit} characters", param=field)
        if field == "email" and _EMAIL.fullmatch(value) is None:
            return invalid(f"Invalid email address: {value}", code="email_invalid", param=field)
    return None
