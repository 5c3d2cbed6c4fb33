"""Nodes of the import graph that stand for asking a lazy module (PEP 562) for a name."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Question", "Questions"]

Question = tuple[int, str]  # (lazy module, name)


class Questions:
    """What lazy modules are asked for; nodes are numbered on from those of the files."""

    def __init__(self, first: int) -> None:
        """Begin with none.

        Args:
            first: The number of the first node.
        """
        self._first = first
        self._nodes: dict[Question, int] = {}
        self._answered: set[Question] = set()

    @property
    def asked(self) -> list[Question]:
        """All of them, in the order of their nodes."""
        return list(self._nodes)

    @property
    def end(self) -> int:
        """The number of the next node."""
        return self._first + len(self._nodes)

    def node(self, question: Question) -> int:
        """Return the node of a question, a new one where it was not asked before."""
        return self._nodes.setdefault(question, self.end)

    def ask(self, lazy: Iterable[int], name: str) -> list[int]:
        """Return the nodes that stand for asking lazy modules for a name."""
        return [self.node((number, name)) for number in lazy]

    def pending(self) -> list[Question]:
        """Return the questions without an answer."""
        return [question for question in self._nodes if question not in self._answered]

    def answer(self, questions: Iterable[Question]) -> None:
        """Note that there is an answer."""
        self._answered.update(questions)
