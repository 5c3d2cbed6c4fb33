"""What the facts of a file name, by form."""

from __future__ import annotations

from tradai_tasks.affected.parse.facts import Facts


def texts(facts: Facts, form: str = "module") -> tuple[str, ...]:
    """The references of a form: of modules with the dotted strings, of packages with prefixes."""
    more = {"module": facts.strings, "package": facts.prefixes, "file": facts.paths}.get(form, ())
    found = [one.text for one in facts.references if one.form == form]
    return tuple(dict.fromkeys((*found, *more)))
