"""Why a cell of the table is not perfect. A cell has up to four faults: `exit` (it did not end with 0), `asked` (for paths below
the old prefix), `printed` (the old prefix), `host` (a file of the machine taken though the tree has it). Each needs a reason
here."""
from dataclasses import dataclass

ALL = frozenset({"exit", "asked", "printed", "host"})


@dataclass(frozen=True)
class Reason:
    """The text holds for the named rows (all, where there are none), ways of moving, conditions (all) and faults."""

    text: str
    rows: frozenset
    ways: frozenset
    faults: frozenset = ALL
    conditions: frozenset = frozenset()

    def covers(self, row, way, condition, fault):
        return (fault in self.faults and way in self.ways and (not self.rows or row in self.rows)
                and (not self.conditions or condition in self.conditions))


def words(text):
    """The names of a comma-separated list; rows have commas, so theirs are separated by semicolons."""
    return frozenset(name.strip() for name in text.split(";") if name.strip())


REASONS = [
    Reason("what run-time paths alone leave undone", frozenset(), words("rpath only")),
]


def explanations(row, way, condition, cell):
    """For each fault of a cell its reason, or None."""
    return {fault: next((reason for reason in REASONS if reason.covers(row, way, condition, fault)), None) for fault in sorted(cell.faults())}
