"""``expand``: ids replaced by the objects they name, up to four levels."""

from collections.abc import Callable
from typing import Any

from interlock.sandbox.stripe.desk import Answer, Call, Shown
from interlock.sandbox.stripe.errors import Refusal, invalid

MAX_DEPTH = 4
MAX_PATHS = 20
Retrieve = Callable[[Call, str], Answer]


class Expansion:
    """Expands answers with the help of each kind's own retrieve endpoint."""

    def __init__(self, retrievers: dict[str, Retrieve]) -> None:
        """Take the retrieve endpoint for each id prefix."""
        self._retrievers = retrievers

    def all(self, body: dict[str, Any], paths: list[Any]) -> Refusal | None:
        """Expand every path in ``body``; returns what is wrong with a path."""
        for place, path in enumerate(paths[:MAX_PATHS]):
            if not isinstance(path, str) or path.count(".") >= MAX_DEPTH:
                return invalid("You cannot expand more than 4 levels of a property.", param=f"expand[{place}]")
            if not self._one(body, path.split(".")):
                return invalid(f"This property cannot be expanded ({path}).", param=f"expand[{place}]")
        return None

    def _one(self, node: dict[str, Any], path: list[str]) -> bool:
        name = path[0]
        if name not in node:
            return False
        value = node[name]
        if isinstance(value, str):
            found = self._object(value)
            if found is None:
                return False
            value = node[name] = found
        if len(path) == 1:
            return True
        children = value if isinstance(value, list) else [value]
        return all(self._one(child, path[1:]) for child in children if isinstance(child, dict))

    def _object(self, object_id: str) -> dict[str, Any] | None:
        retrieve = self._retrievers.get(object_id.partition("_")[0])
        if retrieve is None:
            return None
        answer = retrieve(Call({}, "", ""), object_id)
        return answer.body if isinstance(answer, Shown) else None
