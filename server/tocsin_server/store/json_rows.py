"""Passes many rows to a statement as one JSON parameter.

In a statement over thousands of rows with a parameter for each value, binding costs
more than writing, and the driver releases the interpreter's lock at each row. JSON
is one parameter and one step of the database. An array stands for its texts, an
object for its keys and values. A row of several columns is an array inside an
array; it costs the database 1.5 µs for each column.

The SQL differs by database. SQLite returns typed JSON values. PostgreSQL returns
texts, which are cast to the types of the columns.
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
    """Encodes rows, texts, numbers or entries as the value of a parameter."""
    return dumps(rows if isinstance(rows, Mapping) else list(rows), separators=(",", ":"))


def elements(parameter: str) -> TableValuedAlias:
    """Returns a table of the elements of an array; its column `value` is a text."""
    return _Elements(_bound(parameter)).table_valued("value", name=parameter)


def texts(parameter: str) -> Select[tuple[str]]:
    """Returns a query of the texts in an array."""
    return select(elements(parameter).c.value)


def is_one_of(value: ColumnElement[Any], query: Select[Any]) -> ColumnElement[bool]:
    """Returns the condition that a query returns the value; rows are looked up by that value.

    With `in_`, PostgreSQL chooses the index. On a new table without statistics it
    may choose to read all rows of a tenant.
    """
    return _IsOneOf(value, query.scalar_subquery())


def is_among(value: ColumnElement[str], query: Select[tuple[str]]) -> ColumnElement[bool]:
    """Returns the condition that a query returns the value; it is evaluated for each row.

    In this form PostgreSQL hashes the results of the query. With `in_` alone, it may
    compare each row with each result.
    """
    return value.in_(query).is_(true())


def entries(
    parameter: str, value_type: TypeEngine[Any]
) -> tuple[ColumnElement[str], ColumnElement[Any]]:
    """Returns the columns of keys and values of an object.

    A value that is an array or an object is returned as JSON text.
    """
    each = _Entries(_bound(parameter)).table_valued("key", "value", name=parameter)
    return each.c.key, _Typed(each.c.value, value_type)


def parts(
    array: ColumnElement[Any], types: Sequence[TypeEngine[Any]]
) -> Sequence[ColumnElement[Any]]:
    """Returns the elements of an array as columns of these types."""
    return [_Typed(_Element(array, place), type_) for place, type_ in enumerate(types)]


def columns(parameter: str, types: Sequence[TypeEngine[Any]]) -> Sequence[ColumnElement[Any]]:
    """Returns the columns of an array of rows, which are arrays."""
    return parts(elements(parameter).c.value, types)


def numbers(parameter: str) -> Select[tuple[int]]:
    """Returns a query of the numbers in an array."""
    return select(_Typed(elements(parameter).c.value, BigInteger()))


def _bound(parameter: str) -> ColumnElement[str]:
    return bindparam(parameter, type_=Text)


class _IsOneOf(FunctionElement[bool]):
    """The condition that a subquery returns a value."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: OperatorType | None = None) -> Self:
        """Returns itself: the condition needs neither parentheses nor a comparison with true."""
        return self


class _Elements(FunctionElement[Any]):
    """The elements of an array, as rows with the column `value`."""

    inherit_cache = True


class _Entries(FunctionElement[Any]):
    """The entries of an object, as rows with the columns `key` and `value`."""

    inherit_cache = True


class _Element(FunctionElement[Any]):
    """One element of an array."""

    inherit_cache = False

    def __init__(self, array: ColumnElement[Any], place: int) -> None:
        super().__init__(array)
        self.place = place


class _Typed(FunctionElement[Any]):
    """A value from JSON, cast to the type of its column."""

    inherit_cache = False

    def __init__(self, value: ColumnElement[Any], type_: TypeEngine[Any]) -> None:
        super().__init__(value)
        self.type = type_


@compiles(_IsOneOf, "sqlite")
def _is_one_of_in_sqlite(condition: _IsOneOf, compiler: SQLCompiler, **how: object) -> str:
    value, query = condition.clauses
    return f"{compiler.process(value, **how)} IN {compiler.process(query, **how)}"


@compiles(_IsOneOf, "postgresql")
def _is_one_of_in_postgresql(condition: _IsOneOf, compiler: SQLCompiler, **how: object) -> str:
    value, query = condition.clauses
    return f"{compiler.process(value, **how)} = ANY (ARRAY{compiler.process(query, **how)})"


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
