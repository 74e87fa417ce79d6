"""Many rows as one bound parameter.

A statement over thousands of rows with a parameter for each value costs more
in binding than in writing, and lets go of the interpreter's lock at each row.
JSON is one parameter and one step of the database. An array gives its texts,
an object its keys and values; a row of several columns is an array in an
array, which costs the database a microsecond and a half for each column.

Each database has its own words for it. SQLite's JSON has types of its own;
PostgreSQL gives texts, which are read as the types that the columns have.
"""

from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import Any, Self

from sqlalchemy import BigInteger, Boolean, ColumnElement, Select, Text, bindparam, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine


def pack(rows: Iterable[Sequence[Any]] | Iterable[str | int] | Mapping[Any, Any]) -> str:
    """Returns rows, texts, numbers or entries as the value of a parameter."""
    return dumps(rows if isinstance(rows, Mapping) else list(rows), separators=(",", ":"))


def elements(parameter: str) -> TableValuedAlias:
    """Returns the rows of a parameter that holds an array: `value`, which is a text."""
    return _Elements(_bound(parameter)).table_valued("value", name=parameter)


def texts(parameter: str) -> Select[tuple[str]]:
    """Returns a query of the texts that a parameter holds as an array."""
    return select(elements(parameter).c.value)


def is_one_of(value: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
    """Returns whether a value is one of what a query found, for rows to be looked up by that.

    `in_` leaves it to PostgreSQL what to look them up by; while it has not counted
    a young table, all that is a tenant's looks like little.
    """
    return _IsOneOf(value, found.scalar_subquery())


def is_among(value: ColumnElement[str], found: Select[tuple[str]]) -> ColumnElement[bool]:
    """Returns whether a value is among what a query found, to be asked of row after row.

    Said like this, PostgreSQL hashes what was found; of `in_` it may make a
    comparison of each with each.
    """
    return value.in_(found).is_(true())


def entries(
    parameter: str, value_type: TypeEngine[Any]
) -> tuple[ColumnElement[str], ColumnElement[Any]]:
    """Returns the keys and values that a parameter holds as an object.

    A value that is an array or an object itself is its JSON text.
    """
    each = _Entries(_bound(parameter)).table_valued("key", "value", name=parameter)
    return each.c.key, _Typed(each.c.value, value_type)


def parts(
    array: ColumnElement[Any], types: Sequence[TypeEngine[Any]]
) -> Sequence[ColumnElement[Any]]:
    """Returns the elements of a value that is an array, by their types."""
    return [_Typed(_Element(array, place), type_) for place, type_ in enumerate(types)]


def columns(parameter: str, types: Sequence[TypeEngine[Any]]) -> Sequence[ColumnElement[Any]]:
    """Returns the columns that a parameter holds as an array of rows, which are arrays."""
    return parts(elements(parameter).c.value, types)


def numbers(parameter: str) -> Select[tuple[int]]:
    """Returns a query of the numbers that a parameter holds as an array."""
    return select(_Typed(elements(parameter).c.value, BigInteger()))


def _bound(parameter: str) -> ColumnElement[str]:
    return bindparam(parameter, type_=Text)


class _IsOneOf(FunctionElement[bool]):
    """Whether a value is one of what a query found."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: OperatorType | None = None) -> Self:
        """Returns itself: a comparison needs neither parentheses nor another with true."""
        return self


class _Elements(FunctionElement[Any]):
    """The rows of an array: `value`."""

    inherit_cache = True


class _Entries(FunctionElement[Any]):
    """The rows of an object: `key` and `value`."""

    inherit_cache = True


class _Element(FunctionElement[Any]):
    """One element of an array."""

    inherit_cache = False

    def __init__(self, array: ColumnElement[Any], place: int) -> None:
        super().__init__(array)
        self.place = place


class _Typed(FunctionElement[Any]):
    """A value from JSON, as the type that it has in a table."""

    inherit_cache = False

    def __init__(self, value: ColumnElement[Any], type_: TypeEngine[Any]) -> None:
        super().__init__(value)
        self.type = type_


@compiles(_IsOneOf, "sqlite")
def _is_one_of_in_sqlite(asked: _IsOneOf, compiler: SQLCompiler, **how: object) -> str:
    value, found = asked.clauses
    return f"{compiler.process(value, **how)} IN {compiler.process(found, **how)}"


@compiles(_IsOneOf, "postgresql")
def _is_one_of_in_postgresql(asked: _IsOneOf, compiler: SQLCompiler, **how: object) -> str:
    value, found = asked.clauses
    return f"{compiler.process(value, **how)} = ANY (ARRAY{compiler.process(found, **how)})"


@compiles(_Elements, "sqlite")
@compiles(_Entries, "sqlite")
def _each_in_sqlite(each: FunctionElement[Any], compiler: SQLCompiler, **how: object) -> str:
    return f"json_each({compiler.process(each.clauses, **how)})"


@compiles(_Elements, "postgresql")
def _elements_in_postgresql(each: _Elements, compiler: SQLCompiler, **how: object) -> str:
    return f"json_array_elements_text(CAST({compiler.process(each.clauses, **how)} AS json))"


@compiles(_Entries, "postgresql")
def _entries_in_postgresql(each: _Entries, compiler: SQLCompiler, **how: object) -> str:
    return f"json_each_text(CAST({compiler.process(each.clauses, **how)} AS json))"


@compiles(_Element, "sqlite")
def _element_in_sqlite(element: _Element, compiler: SQLCompiler, **how: object) -> str:
    return f"json_extract({compiler.process(element.clauses, **how)}, '$[{element.place}]')"


@compiles(_Element, "postgresql")
def _element_in_postgresql(element: _Element, compiler: SQLCompiler, **how: object) -> str:
    return f"(CAST({compiler.process(element.clauses, **how)} AS json) ->> {element.place})"


@compiles(_Typed, "sqlite")
def _typed_in_sqlite(typed: _Typed, compiler: SQLCompiler, **how: object) -> str:
    return compiler.process(typed.clauses, **how)


@compiles(_Typed, "postgresql")
def _typed_in_postgresql(typed: _Typed, compiler: SQLCompiler, **how: object) -> str:
    type_ = compiler.dialect.type_compiler_instance.process(typed.type)
    return f"CAST({compiler.process(typed.clauses, **how)} AS {type_})"
