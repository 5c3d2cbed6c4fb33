"""Find import statements and string constants in Python text without parsing it.

A lexer is several times as fast as `ast`, and reads grammar that is newer than the running
interpreter: it follows strings, comments and the fields of f-strings exactly, and nothing else.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.string_scanner import content, divide, is_cut, line_at

_IMPORT = re.compile(r"(?<!\w)import\b")
_FROM = re.compile(r"(?:^|[\s;:])from(?=[\s.\\])([\s\w.\\]*)$")
_ONE_LINE = re.compile(r"[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]++([\w.,*][\w., \t*]*+)")
# Whole lines of code that may be such statements.
_LINES = re.compile(
    r"(?<=\n)[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]++[\w.,*][\w., \t*]*+(?=\n)"
)
_BRACKETED = re.compile(r"[ \t\f\\\n]*\(((?:[^()#]|#[^\n]*)*)(\)?)")
_PLAIN = re.compile(r"(?:[^\n;#\\]|\\\n)*")
_COMMENT = re.compile(r"#[^\n]*")
_CLAUSE = re.compile(r"([^\W\d][\w.]*|\*)(?:\s+as\s+([^\W\d]\w*))?$")
_DOT = re.compile(r" ?\. ?")
_SPACES = re.compile(r"[\s\\]+")
# A string constant that can name a module, or a module and what is in it: "a.b", "a.b:c", "a:b",
# also behind an option ("--app=a.b", "-pa.b") or "ext://", and as a call: "a.b:make()".
DOTTED = re.compile(
    r"(?:-p|[\w-]++=|(?:cfg|ext)://)?"
    r"([^\W\d]\w*(?:\.[^\W\d]\w*)+(?::[^\W\d][\w.]*)?|[^\W\d]\w*:[^\W\d][\w.]*)(?:\([^()]*\))?$"
)
_PATH = re.compile(r"(?:\.\./)*[\w.@+-]+(?:/[\w.@+-]+)*/?$")
_PATH_IN_COMMAND = re.compile(r"(?<=[ =])(?:\.\./)*[\w.@+-]+(?:/[\w.@+-]+)+")
_NAME_INSIDE = re.compile(r"""(["'])([^\W\d]\w*(?:[.:][^\W\d]\w*)+)\1""")
# The package at the beginning of f"pkg.sub.{name}".
_BEGINNING = re.compile(r"""["']+((?:[^\W\d]\w*\.)+)\{(?!\{)""")
_CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$)", re.MULTILINE)
_NO_OPERATOR = re.compile(r"!(?!=)")
_KEYWORD = rf"(?:{'|'.join(keyword.kwlist)})\b"
_SOFT_KEYWORD = r"(?:case|lazy|match|type)\b"
# A statement that begins with two names side by side.
_TWO_NAMES = re.compile(
    rf"\n(?=[^\W\d]\w*+[ \t]++(?!{_KEYWORD})[^\W\d])(?!{_KEYWORD}|{_SOFT_KEYWORD})"
)
# Without one of these, or "../", a text joins no paths that lead to modules; the last run tests.
_AT_HAND = frozenset({"__file__", "cwd", ".py", "discover", '"pytest"', "'pytest'", "pytest.main"})
_JOINERS = frozenset({"path.join", "joinpath"})
MARKS = _AT_HAND | _JOINERS
_GLUE = frozenset({"", "+", "\\", " ", "\t", "\n"})  # with which begins what joins two strings
_WIDEST = 2_000  # characters from `from` to `import`
_LONGEST = 200  # nothing longer is meant as a name or a path


@dataclass(slots=True)
class Scan:
    """What the scanner found; dictionaries are used as sets that keep their order."""

    imports: dict[Import, None] = field(default_factory=dict)
    strings: dict[str, None] = field(default_factory=dict)
    paths: dict[str, None] = field(default_factory=dict)
    prefixes: dict[str, None] = field(default_factory=dict)
    broken: str = ""  # why the text is not Python, as far as a lexer can tell
    reached: int = field(default=0, compare=False)  # where the last import statement ends


def scan(text: str, marks: Collection[str] | None = None) -> Scan:
    """Read Python text whose lines end in line feeds."""
    marks = {mark for mark in MARKS if mark in text} if marks is None else marks
    return read(text, *divide(text), marks)


def read(text: str, pieces: list[str], formatted: Iterable[int], marks: Collection[str]) -> Scan:
    """Read a divided text.

    Most tokens say nothing: those that may are chosen first, by what costs the least.
    """
    codes, tokens = pieces[::2], pieces[1::2]
    found = Scan()
    if is_cut(pieces):
        start = len(text) - len(pieces[-2])
        found.broken = f"line {line_at(text, start)}: a string that does not end"
        tokens.pop()
    for place in formatted:
        _look_inside(found, pieces[place])
    continued = _continued(codes, tokens)
    dotted = [n for n, t in enumerate(tokens) if "." in t or ":" in t or "\\" in t]
    for place in dotted:
        token = tokens[place]
        if place in continued or not _is_short(token):
            continue
        body = content(codes[place], token)
        if named := DOTTED.match(body):
            found.strings[named[1]] = None
    found.strings.update((name[1], None) for name in map(DOTTED.match, continued.values()) if name)
    at_hand = not _AT_HAND.isdisjoint(marks) or "../" in text
    if at_hand and ("/" in text or not _JOINERS.isdisjoint(marks)):
        glue = {"/", ","} if not _JOINERS.isdisjoint(marks) else {"/"}
        found.paths.update((path, None) for path in _joined_paths(codes, tokens, continued, glue))
    others = []
    for place in [n for n, code in enumerate(codes) if "import" in code]:
        known = _plain_lines(codes[place] if place else f"\n{codes[0]}")
        for statement in known:
            found.imports.update(statement)
        if not known:
            others.append(place)
    starts = [0, *accumulate(map(len, pieces))] if others else []
    for place in others:
        for match in _IMPORT.finditer(text, starts[2 * place], starts[2 * place + 1]):
            _add_import(found, text, *match.span())
    _check(found, '""'.join(codes))
    return found


def _is_short(token: str) -> bool:
    """Tell whether a token is a string that may be meant as a name or a path."""
    return len(token) <= _LONGEST and token[0] != "#"


def _continued(codes: list[str], tokens: list[str]) -> dict[int, str]:
    """Return the strings that go on from the one before: "a." "b" and "a." + "b" are one.

    By the place of the second; what has become too long is empty.
    """
    found: dict[int, str] = {}
    # most code between strings is long, or begins with a comma or a bracket
    glue = [n for n, code in enumerate(codes) if code[:1] in _GLUE and not code.strip("+\\ \t\n")]
    for place in glue:
        if not 0 < place < len(tokens):
            continue
        before, token = tokens[place - 1], tokens[place]
        if _is_short(before) and _is_short(token):
            start = found.get(place - 1, content(codes[place - 1], before))
            if start:
                body = start + content(codes[place], token)
                found[place] = body if len(body) <= _LONGEST else ""
    return found


def _joined_paths(
    codes: list[str], tokens: list[str], continued: Mapping[int, str], glue: Collection[str]
) -> Iterator[str]:
    """Yield the string constants that are paths, alone or joined.

    `ROOT / "a" / "b"` is "a/b", and so is `join(x, "a", "b")` where commas are glue.
    """
    glued = [
        n for n, c in enumerate(codes[:-1]) if n and ("/" in c or "," in glue) and c.strip() in glue
    ]
    places = {*glued, *(n - 1 for n in glued)}
    places.update(n for n, token in enumerate(tokens) if "/" in token)
    chain, last = "", -1
    for place in sorted(places):
        if not _is_short(tokens[place]) or continued.get(place) == "":
            continue
        body = content(codes[place], tokens[place]).partition("/*")[0]
        is_path = _PATH.match(body) is not None
        if chain and is_path and last == place - 1 and codes[place].strip() in glue:
            if len(chain) <= _LONGEST:  # else it is not meant as one, and only grows
                chain += f"/{body}"
        else:
            yield from _path(chain)
            chain = body if is_path else ""
            yield from () if is_path else _PATH_IN_COMMAND.findall(body)
        last = place
    yield from _path(chain)


def _path(chain: str) -> tuple[str, ...]:
    return (chain,) if "/" in chain and len(chain) <= _LONGEST else ()


def imports_in(text: str) -> dict[Import, None]:
    """Return the import statements of a text, however little of it is Python."""
    found: dict[Import, None] = {}
    for match in re.finditer(r"\bimport\b", text):
        found |= import_at(text, *match.span())
    return found


def import_at(text: str, start: int, stop: int) -> dict[Import, None]:
    """Return the statement around a word `import`, of which begin and end are given."""
    found = Scan()
    _add_import(found, text, start, stop)
    return found.imports


def _check(found: Scan, code: str) -> None:
    """Look for what no valid text has: brackets without partner, marks of a merge conflict.

    Only `ast` knows for certain, and takes ten times as long: it judges what is noted here.
    """
    if found.broken:
        return
    if "?" in code or "$" in code or ("!" in code and _NO_OPERATOR.search(code)):
        found.broken = "a character that no statement has"
    elif "= =" in code or _TWO_NAMES.search(f"\n{code}"):
        found.broken = "a statement of no known form"
    if "<<<<<<<" in code and _CONFLICT.search(code):
        found.broken = "marks of a merge conflict"
    for opening, closing in ("()", "[]", "{}"):
        if code.count(opening) != code.count(closing):
            found.broken = f"{opening!r} and {closing!r} do not match"


def _add_import(found: Scan, text: str, start: int, stop: int) -> None:
    """Read the statement around the keyword `import`."""
    if start < found.reached:
        return  # a second `import` in one statement: `broken` says so
    lowest = max(0, start - _WIDEST)
    begin = max(lowest, text.rfind("\n", lowest, start) + 1)
    end = text.find("\n", stop, stop + _WIDEST)
    end = len(text) if end < 0 and len(text) <= stop + _WIDEST else end
    if end >= 0 and (begin == 0 or text[begin - 1] == "\n"):
        known = _one_line(text[begin:end])
        if known and text[begin - 2 : begin] != "\\\n":
            found.imports.update(known)
            return
    while begin >= 2 and text[begin - 2 : begin] == "\\\n":  # noqa: PLR2004 - both characters
        begin = max(lowest, text.rfind("\n", lowest, begin - 1) + 1)
        if begin == lowest:
            break
    begin = max(begin, text.rfind(";", begin, start) + 1)
    head = _FROM.search(text[begin:start])
    bracketed = _BRACKETED.match(text, stop) if head else None
    if bracketed:
        names = bracketed[1]
        if not bracketed[2]:
            found.broken = f"line {line_at(text, start)}: an import that does not end"
    else:
        plain = _PLAIN.match(text, stop)
        names = plain[0] if plain else ""
        found.reached = stop + len(names)
    if "#" in names:
        names = _COMMENT.sub("", names)
    clauses = [_clause(part) for part in names.replace("\\\n", " ").split(",")]
    if clauses and clauses[-1] == "" and len(clauses) > 1 and bracketed:
        clauses.pop()
    if "" in clauses:
        if not found.broken:
            found.broken = f"line {line_at(text, start)}: an import statement of another form"
        clauses = [clause for clause in clauses if clause]
    if head:
        module = _SPACES.sub("", head[1])
        if module and clauses:
            found.imports[module, tuple(clauses)] = None
        return
    for clause in clauses:
        found.imports[clause, ()] = None


def _plain_lines(code: str) -> list[dict[Import, None]]:
    """Read code whose imports are whole lines of names and commas alone; nothing of other code."""
    lines = _LINES.findall(code)
    if len(lines) != code.count("import") or "\\" in code:
        return []
    known = [_one_line(line) for line in lines]
    return known if all(known) else []


@lru_cache(maxsize=20_000)  # the same lines stand in many files
def _one_line(line: str) -> dict[Import, None]:
    """Read a line that is an import statement of names and commas alone; nothing for others.

    What is returned belongs to all lines alike: it is not to be changed.
    """
    match = _ONE_LINE.fullmatch(line)
    clauses = tuple(map(_clause, match[2].split(","))) if match else ("",)
    if match is None or "" in clauses:
        return {}
    return {(match[1], clauses): None} if match[1] else {(clause, ()): None for clause in clauses}


def _clause(part: str) -> str:
    """Return "a.b" or "a.b as c" in that spelling; nothing for what is neither."""
    part = _DOT.sub(".", " ".join(part.split()))
    if part.isidentifier():
        return part
    match = _CLAUSE.match(part)
    if match is None:
        return ""
    return match[1] if match[2] is None else f"{match[1]} as {match[2]}"


def _look_inside(found: Scan, body: str) -> None:
    if "{" in body:
        for match in _NAME_INSIDE.finditer(body):
            found.strings[match[2]] = None
        if beginning := _BEGINNING.match(body):
            found.prefixes[beginning[1]] = None
