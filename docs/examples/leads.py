"""Reads leads from a file of values separated by commas or semicolons, as spreadsheets write it."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper

COLUMNS = ("id", "name", "company", "link")


@dataclass(frozen=True)
class Lead:
    id: str
    name: str
    company: str
    link: str

    @property
    def title(self) -> str:
        return f"A new lead: {self.name}, {self.company}"


@dataclass(frozen=True)
class Row:
    line: int
    names: list[str]
    values: list[str]
    problem: str = ""

    def lead(self) -> Lead:
        """Returns the lead in this row.

        Raises:
            ValueError: The row is not one; the message says why.
        """
        if self.problem:
            raise ValueError(self.problem)
        if any("\ud800" <= character <= "\udfff" for character in "".join(self.values)):
            raise ValueError("it is not UTF-8")
        if any(self.values[len(self.names) :]):
            raise ValueError(f"it has more values than the {len(self.names)} columns")
        values = dict(zip(self.names, self.values, strict=False))
        missing = [name for name in COLUMNS if not values.get(name)]
        if missing:
            raise ValueError(f"it has no {', '.join(missing)}")
        return Lead(*(values[name] for name in COLUMNS))


def read_rows(file: TextIOWrapper) -> Iterator[Row]:
    """Reads the first row, which names the columns, and returns the rows after it, without empty ones.

    Raises:
        ValueError: The first row does not name the columns.
    """
    # A byte order mark is no part of the first name; text that is not UTF-8 spoils its row alone.
    file.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    header = file.readline()
    delimiter = max(",;", key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(f"the first row names no column {', '.join(missing)}")
    return _read_rows(file, names, delimiter)


def _read_rows(file: TextIOWrapper, names: list[str], delimiter: str) -> Iterator[Row]:
    rows = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        # A row has several lines where a value has line breaks; it is named by the first.
        line = rows.line_num + 2
        try:
            values = [" ".join(value.split()) for value in next(rows)]
        except StopIteration:
            return
        except csv.Error as problem:
            yield Row(line, names, [], str(problem))
            continue
        if any(values):
            yield Row(line, names, values)
