"""The problems that several use cases of this room answer with. Pure."""

from interlock.base.problems import Problem, invalid


def no_such(spoken: str, object_id: str, *, param: str = "id", status: int = 400) -> Problem:
    """Return the problem of naming an object that does not exist in this account and mode.

    Args:
        spoken: the object as messages name it, such as ``PaymentMethod``.
        object_id: what was given.
        param: the parameter that carried it.
        status: 404 where the path names it, 400 where a parameter does.

    """
    return invalid(f"No such {spoken}: '{object_id}'", code="resource_missing", param=param, status=status)


def token_already_used(token_id: str, param: str) -> Problem:
    """Return the problem of using a single-use token twice."""
    return invalid(f"You cannot use a token more than once: {token_id}.", code="token_already_used", param=param)


def exclusive(first: str, second: str) -> Problem:
    """Return the problem of giving two parameters that exclude each other."""
    return invalid(
        f"You may only specify one of these parameters: {first}, {second}.", code="parameters_exclusive", param=second
    )
