"""DuckDB through its C interface, as far as the comparison needs it."""

import ctypes
import pathlib

LIBRARY = pathlib.Path(__file__).resolve().parent.parent.parent / ".deps/duckdb/libduckdb.so"


class _Result(ctypes.Structure):
    _fields_ = [("column_count", ctypes.c_uint64), ("row_count", ctypes.c_uint64),
                ("rows_changed", ctypes.c_uint64), ("columns", ctypes.c_void_p),
                ("error_message", ctypes.c_char_p), ("internal_data", ctypes.c_void_p)]


class Refused(Exception):
    """What DuckDB said to a statement."""


class Duck:
    def __init__(self):
        self._library = library = ctypes.CDLL(str(LIBRARY))
        handle, result = ctypes.c_void_p, ctypes.POINTER(_Result)
        library.duckdb_query.argtypes = [handle, ctypes.c_char_p, result]
        library.duckdb_destroy_result.argtypes = [result]
        library.duckdb_column_count.argtypes = [result]
        library.duckdb_column_count.restype = ctypes.c_uint64
        library.duckdb_row_count.argtypes = [result]
        library.duckdb_row_count.restype = ctypes.c_uint64
        library.duckdb_result_error.argtypes = [result]
        library.duckdb_result_error.restype = ctypes.c_char_p
        library.duckdb_value_is_null.argtypes = [result, ctypes.c_uint64, ctypes.c_uint64]
        library.duckdb_value_is_null.restype = ctypes.c_bool
        library.duckdb_value_varchar.argtypes = [result, ctypes.c_uint64, ctypes.c_uint64]
        library.duckdb_value_varchar.restype = ctypes.c_void_p
        library.duckdb_free.argtypes = [ctypes.c_void_p]
        self._database, self._connection = ctypes.c_void_p(), ctypes.c_void_p()
        if library.duckdb_open(None, ctypes.byref(self._database)) != 0:
            raise RuntimeError("cannot open DuckDB")
        if library.duckdb_connect(self._database, ctypes.byref(self._connection)) != 0:
            raise RuntimeError("cannot connect to DuckDB")
        self.run("SET threads = 1")
        self.run("SET TimeZone = 'UTC'")
        self._tables = []

    def reset(self):
        """Forgets all tables."""
        for name in self._tables:
            self.run(f"DROP TABLE {name}")
        self._tables = []

    def run(self, statement):
        self.rows(statement)
        if statement.startswith("CREATE TABLE "):
            self._tables.append(statement.split()[2])

    def rows(self, statement):
        """The rows as lists of text or None."""
        result = _Result()
        at = ctypes.byref(result)
        library = self._library
        try:
            if library.duckdb_query(self._connection, statement.encode(), at) != 0:
                raise Refused(library.duckdb_result_error(at).decode("utf-8", "replace"))
            columns = library.duckdb_column_count(at)
            return [[self._value(at, column, row) for column in range(columns)]
                    for row in range(library.duckdb_row_count(at))]
        finally:
            library.duckdb_destroy_result(at)

    def _value(self, result, column, row):
        if self._library.duckdb_value_is_null(result, column, row):
            return None
        pointer = self._library.duckdb_value_varchar(result, column, row)
        text = ctypes.string_at(pointer).decode("utf-8")
        self._library.duckdb_free(pointer)
        return text
