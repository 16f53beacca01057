"""Checks the documentation: every link leads somewhere, every command, setting and state is described as it is."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import process_page

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!\\)\[[^\]\n]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*\s*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
NOT_OURS = {".venv", ".do", ".git", ".data", "node_modules", ".pytest_cache", ".hypothesis"}


def pages() -> list[Path]:
    """Every Markdown page of ours, the README first."""
    found = [path for path in ROOT.rglob("*.md") if not NOT_OURS & set(path.relative_to(ROOT).parts)]
    return sorted(found, key=lambda path: (len(path.relative_to(ROOT).parts), path))


def title(*, page: Path) -> str:
    """A page's first heading."""
    heading = HEADING.search(page.read_text(encoding="utf-8"))
    return heading["text"] if heading else "(no heading)"


def anchors(*, page: Path) -> set[str]:
    """The anchors that a page's headings make: small letters, no punctuation, blanks as hyphens."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", found["text"].lower()).replace(" ", "-") for found in HEADING.finditer(text)
    }


def broken_links(*, page: Path) -> Iterator[str]:
    """A line for each link of the page to a file or heading that is not there. Links to other places are left alone."""
    name = page.relative_to(ROOT)
    for found in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        target = unquote(found["target"])
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        place, _, anchor = target.partition("#")
        goal = (page.parent / place).resolve() if place else page
        if not goal.exists():
            yield f"{name}: the link to {target} leads nowhere. Mend the path or write the page."
        elif anchor and goal.suffix == ".md" and anchor not in anchors(page=goal):
            yield f"{name}: {place or 'this page'} has no heading for #{anchor}. Mend the anchor."


def undescribed_commands(*, text: str) -> Iterator[str]:
    """A line for each command of ./do that no page names."""
    listing = re.search(
        r"^COMMANDS\b.*?= \((?P<names>.*?)^\)", (ROOT / "do").read_text(), re.MULTILINE | re.DOTALL
    )
    names = re.findall(r"\w+", listing["names"]) if listing else []
    if not names:
        yield "do: the list COMMANDS was not found. Keep its shape, or mend .ci/check_docs.py."
    for name in names:
        if not re.search(rf"\./do {name}\b", text):
            yield f"./do {name} is in no page. Describe it in docs/how-to/set-up.md."


def undescribed_settings(*, text: str) -> Iterator[str]:
    """A line for each field of a class `…Settings` that no page names in `code`."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        # Most files have no settings; parsing them all would take most of this check's time.
        for node in (
            ast.walk(ast.parse(source)) if re.search(r"^\s*class \w*Settings\b", source, re.MULTILINE) else ()
        ):
            if not isinstance(node, ast.ClassDef) or not node.name.endswith("Settings"):
                continue
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    setting = line.target.id
                    if not setting.startswith("_") and not re.search(rf"`[^`\n]*\b{setting}\b[^`\n]*`", text):
                        where = path.relative_to(ROOT)
                        yield f"{where}: the setting {setting} of {node.name} is in no page. Describe it under docs/how-to/."


def unnamed_states(*, text: str) -> Iterator[str]:
    """A line for each table of states that the process page lacks or shows as it was once, and for a state it never names."""
    yield from process_page.faults(text)
    for name in process_page.modules():
        for state in process_page.states_of(name):
            if f"`{state}`" not in text:
                yield f"docs/process.md: the state {state} of {name} is not named. Say: ./do docs"


def misplaced_words(*, page: Path) -> Iterator[str]:
    """A line for each word of the glossary that stands there twice, or whose place in the code is gone."""
    rows = re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \| `(.+?)` \|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    words = [row[0] for row in rows]
    for word in sorted({word for word in words if words.count(word) > 1}):
        yield f"docs/glossary.md: {word} is there twice. Keep one."
    for word, _, _, place in rows:
        if not (ROOT / "src" / "safehand" / place).exists() and not (ROOT / place).exists():
            yield f"docs/glossary.md: {word}: there is no {place}. Name the place where the word lives now."


def main() -> int:
    """Prints what is wrong; with --list the pages too."""
    found = pages()
    if "--list" in sys.argv[1:]:
        for page in found:
            print(f"{page.relative_to(ROOT)!s:<50} {title(page=page)}")
    text = "\n".join(page.read_text(encoding="utf-8") for page in found)
    wrong = [line for page in found for line in broken_links(page=page)]
    wrong += [*undescribed_commands(text=text), *undescribed_settings(text=text)]
    wrong += unnamed_states(text=process_page.PAGE.read_text(encoding="utf-8"))
    wrong += misplaced_words(page=ROOT / "docs" / "glossary.md")
    for line in wrong:
        print(line)
    print(f"{len(found)} pages, {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
