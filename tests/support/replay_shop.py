"""A package whose test files have ways, in changing states: see `replay_ways`."""

from __future__ import annotations

import random

from tests.support.replay_ways import STATES, TESTS, ways

_HEADS = {
    "conftest.py": "from pathlib import Path\n\nimport pytest\n",
    "hub": "from functools import lru_cache\nfrom pathlib import Path\n\n"
    "HERE = Path(__file__).parent\n",
}


class Shop:
    """Test files with ways, each in some state; the files that there are then."""

    def __init__(self, choices: random.Random, count: int) -> None:
        """Choose `count` ways, and test files that share some of them."""
        kinds = ways()
        self.choices = choices
        names = choices.sample(sorted(kinds), min(count, len(kinds)))
        self.ways = {f"{name} {k}": kinds[name](k) for k, name in enumerate(names)}
        self.state = dict.fromkeys(self.ways, 0)
        self.tests: dict[int, list[str]] = {
            n: choices.sample(sorted(self.ways), choices.randint(1, 3)) for n in range(count // 2)
        }
        self.layout: dict[str, list[str]] = {}  # remarks and functions that were put in

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the tests."""
        return {
            way.variable: str(self.state[name])
            for name, way in self.ways.items()
            if way.variable and self.state[name]
        }

    def change(self) -> str:
        """Make one edit and return its name."""
        choose = self.choices.choice
        what = choose(
            ["state"] * 8 + ["remark", "remark", "unused", "unused", "test", "drop", "reuse"]
        )
        if what == "state" or not self.tests:
            name = choose(sorted(self.ways))
            self.state[name] = choose([one for one in range(STATES) if one != self.state[name]])
            return f"{name} is {self.state[name]}"
        if what == "test":
            number = max(self.tests) + 1
            self.tests[number] = [choose(sorted(self.ways))]
            return f"test_{number}.py with {self.tests[number]}"
        number = choose(sorted(self.tests))
        if what == "drop" and len(self.tests) > 1:
            return f"without test_{number}.py, of {self.tests.pop(number)}"
        if what == "reuse":
            self.tests[number] = [*self.tests[number], choose(sorted(self.ways))]
            return f"test_{number}.py with {self.tests[number]}"
        path = choose(sorted(one for one in self.files() if one.endswith(".py")))
        text = {
            "remark": "\n# a remark\n",
            "unused": "\n\ndef unused{n}():\n    return {n}\n",
        }.get(what, "\n")
        found = self.layout.setdefault(path, [])
        found.append(text.replace("{n}", str(len(found))))
        return f"{what} in {path}"

    def files(self) -> dict[str, str]:
        """Return all files of the present state."""
        found: dict[str, str] = {}
        for name, way in self.ways.items():
            for path, text in way.files(self.state[name]).items():
                head = next((one for key, one in _HEADS.items() if f"/{key}" in path), "")
                shares = path.endswith("conftest.py") or "/hub" in path
                known = found.get(path, head)
                if text in known and shares:
                    continue
                found[path] = known + text if shares else text
        for number, chosen in self.tests.items():
            found[f"{TESTS}/test_{number}.py"] = self._test(chosen)
        for path, parts in self.layout.items():
            if path in found:
                head, cut, rest = found[path].partition("\n\n\n")
                found[path] = head + "".join(parts) + cut + rest
        return found

    def _test(self, chosen: list[str]) -> str:
        setups = dict.fromkeys(
            line for name in chosen for line in self.ways[name].setup.splitlines()
        )
        text = "\n".join(["from pathlib import Path", *setups])
        for place, name in enumerate(chosen):
            way = self.ways[name]
            text += f"\n\n\ndef test_{place}({way.argument}):\n    # {name}\n"
            text += f"    assert {way.value} < 2\n"
        return text
