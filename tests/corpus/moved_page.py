"""Writes docs/after-the-move.md from what after-the-move saw."""
from moved_reasons import explanations

INTRODUCTION = """# After the move

Written by `tests/corpus/after-the-move` (see `.ci/long`), not by hand. The programs are those of `build-prefix PREFIX extra`, built from Debian's sources; what each row runs is in
`tests/corpus/moved_rows.py`. Each prefix is moved in three ways:

- **rpath only**: run-time paths made relative and nothing else, as an editor of run-time paths does.
- **no install**: `relocate PREFIX`, and tar on the target. **told**: the same, and the program is told by a variable or an option where its files are.
- **install**: `relocate install ARCHIVE DEST`; the second move is `mv` and `relocate fix DIR`.

An empty file system lies over the old prefix, no variable is set but PATH (the machine's programs), HOME, SHELL, TMPDIR and LC_ALL, and strace tells what is asked for. A cell is the
exit code, the number of distinct paths asked for below the old prefix, and whether the old prefix is in the output; `host N`: N files of the machine were taken though the tree
has them. **ok** is 0, 0, no. A dash: it does not run so where it was built, either.
"""


def shown(cell):
    """A cell's text."""
    if not cell.faults():
        return "ok"
    parts = [str(cell.exit), str(len(cell.asked)), "yes" if cell.printed else "no"] + ([f"host {len(cell.host)}"] if cell.host else [])
    return ", ".join(parts)


def cell_text(section, row, way, condition):
    """What one place of a table says."""
    cells = section.cells.get((way, condition), {})
    if not isinstance(cells, dict):
        return "refused"
    if row.name not in cells:
        return ""
    return "–" if section.unmoved_fails(row, condition) else shown(cells[row.name])


def reasons(section, row, ways):
    """Why the cells of a row are not perfect, each reason once."""
    found = []
    for (way, condition), cells in section.cells.items():
        if way not in ways or not isinstance(cells, dict) or section.unmoved_fails(row, condition):
            continue
        for reason in explanations(row.name, way, condition, cells[row.name]).values():
            text = reason.text if reason else "no reason known"
            if text not in found:
                found.append(text)
    return "; ".join(found)


def lines(rows):
    return ["| " + " | ".join(cells) + " |" for cells in rows]


def heading(*names):
    return lines([names]) + ["|" + "---|" * len(names)]


def conditions_of(section):
    return list(dict.fromkeys(condition for _, condition in section.cells))


def overview(section):
    """How many rows are perfect, by way and condition."""
    conditions = conditions_of(section)
    yield from heading("perfect rows of " + str(len(section.rows)), *conditions)
    for way in dict.fromkeys(way for way, _ in section.cells):
        texts = []
        for condition in conditions:
            cells = section.cells.get((way, condition), {})
            dashes = sum(section.unmoved_fails(row, condition) for row in section.rows)
            perfect = sum(cell_text(section, row, way, condition) == "ok" for row in section.rows)
            texts.append("refused" if not isinstance(cells, dict) else f"{perfect}" + (f" of {len(section.rows) - dashes}" if dashes else ""))
        yield from lines([(way, *texts)])


def by_program(section):
    """The main table: every program, moved in each way."""
    yield from heading("program", "rpath only", "no install", "told", "install", "why a cell is not perfect")
    for row in section.rows:
        told = shown(section.told[row.name]) if row.name in section.told and cell_text(section, row, "no install", "moved") != "ok" else ""
        yield from lines([(row.name, cell_text(section, row, "rpath only", "moved"), cell_text(section, row, "no install", "moved"), told,
                           cell_text(section, row, "install", "moved"), reasons(section, row, ("no install", "install")))])


def by_condition(section, way):
    """One way's table: every program under each condition; a cell as the first one is not told again."""
    conditions = conditions_of(section)
    yield from heading("program", *conditions)
    for row in section.rows:
        texts = [cell_text(section, row, way, condition) for condition in conditions]
        yield from lines([(row.name, texts[0], *("=" if text == texts[0] else text for text in texts[1:]))])


def write(path, sections):
    """Writes the page."""
    text = [INTRODUCTION]
    for section in sections:
        text += [f"## A prefix of {len(section.prefix)} bytes", "", f"`{section.prefix}`", "", *overview(section), ""]
        text += ["### Each program, moved", "", *by_program(section), ""]
        for (way, condition), cells in section.cells.items():
            if not isinstance(cells, dict):
                text += [f"{way}, {condition}: refused{', as it must be' if cells.expected else ''}: `{cells.text.splitlines()[0]}`", ""]
            elif section.leaving[way, condition]:
                text += [f"{way}, {condition}: refused, naming what cannot hold the path, but with `{section.leaving[way, condition]}`", ""]
        for way in dict.fromkeys(way for way, _ in section.cells if len(conditions_of(section)) > 1):
            text += [f"### {way}, under each condition", "", *by_condition(section, way), ""]
    with open(path, "w") as file:
        file.write("\n".join(text).rstrip() + "\n")
