/* What weir takes and stock Flink does not: the table behind `weir check --portable`.
 *
 * Whoever sees such a construct, be it the parser, the binder or a pass over the plan, says so by
 * extension_report. That does nothing unless the diagnostics were told which Flink the script has
 * to run on; then it is a finding of a level of its own (WR7010) beside errors and warnings, and
 * planning goes on. */
#ifndef WEIR_SQL_EXTENSION_H
#define WEIR_SQL_EXTENSION_H

#include "sql/diagnostics.h"

/* Name, the first Flink that has it, "Flink 1.20 does not have …", what to do about it. */
/* clang-format off */
#define EXTENSIONS(X) \
    /* Of connectors and settings: Flink's planner takes any name. */ \
    X(CONNECTOR, NEVER, "the connector", "add the JAR that has it to Flink") \
    X(OPTION, NEVER, "the option", "leave it out where the script has to run on Flink") \
    X(REFERENCE, NEVER, "values from outside of the script, and takes literally", \
      "write the value where the script has to run on Flink") \
    X(SETTING, NEVER, "the setting", "give it on the command line: -D KEY=VALUE") \
    X(FILES_LOOKUP, NEVER, "look-ups in files, as in table", \
      "look up a table of connector 'jdbc', or join as of an event time") \
    /* Statements. */ \
    X(MATERIALIZED_TABLE, NEVER, "a catalog by default that stores materialized tables, such as", \
      "write CREATE TABLE, and INSERT INTO it") \
    X(ON_CONFLICT, 2_3, "ON CONFLICT", "leave it out: the last row of a key counts") \
    X(CTAS_EXISTS, NEVER, "IF NOT EXISTS of a table that is there and has a query: it writes into", \
      "drop the table first, or leave the statement out") \
    X(EXPLAIN_CTAS, 2_1, "EXPLAIN of CREATE TABLE … AS", "explain the query") \
    X(EXPLAIN_MATERIALIZED, NEVER, "EXPLAIN of materialized tables", "explain the query") \
    X(SHOW_LIKE, 2_0, "LIKE here", "leave it out") \
    X(SHOW_MATERIALIZED, 2_0, "SHOW MATERIALIZED TABLES", "write SHOW TABLES") \
    X(TEMPORARY_RENAME, NEVER, "RENAME of something temporary:", "drop it, and create it anew") \
    X(SHOW_ILIKE, 2_0, "ILIKE here", "write LIKE, which tells upper case from lower") \
    X(SHOW_VIEWS_FROM, 2_0, "SHOW VIEWS FROM", "write USE before SHOW VIEWS") \
    /* Queries. */ \
    X(QUALIFY, 2_0, "QUALIFY", \
      "put the SELECT without it into FROM of another one, and filter there with WHERE") \
    X(BARE_TABLE_FUNCTION, 2_0, "table functions in FROM without TABLE( )", \
      "write TABLE( ) around it") \
    X(ORDINALITY, 2_1, "WITH ORDINALITY", \
      "number the elements before they are stored in the array, as a field of a ROW") \
    X(UNNEST_CONDITION, NEVER, "conditions over both sides of a join with UNNEST", \
      "write CROSS JOIN UNNEST, and the condition behind WHERE") \
    X(LATERAL_ROW, NEVER, "a LATERAL query of the row alone, without FROM", \
      "compute it in a query around the table") \
    X(USING_COLUMN, NEVER, "a name here, without its table, of the column of USING", \
      "write it with its table, as `t`.`k`") \
    X(FIELD_OR_COLUMN, NEVER, "a way to tell a column from the field of a ROW in another table:", \
      "write it with its table") \
    X(OFFSET_NAME, NEVER, "OFFSET as the name of an argument", \
      "write it in backticks, or the arguments by position") \
    X(BATCH_SESSION, NEVER, "SESSION of GROUP BY in batch mode", \
      "set 'execution.runtime-mode' = 'streaming'") \
    X(OFFSET_ALONE, NEVER, "OFFSET without LIMIT", "write LIMIT with a large number before it") \
    X(TOP_OF_UPDATES, 2_0, "the first or last row by a time attribute of rows that change or go", \
      "order by the time CAST to TIMESTAMP(3): a column as any other") \
    X(OUTER_SET, NEVER, "columns of the query around within", \
      "write a subquery for each of the queries in it") \
    X(OUTER_TOP, NEVER, "LIMIT for each row of the query around", \
      "number the rows in FROM by ROW_NUMBER() OVER (PARTITION BY …), and join them") \
    X(OUTER_ON, NEVER, "conditions of a join with a column that only the query around has", \
      "write the condition behind WHERE") \
    X(FAR_SUBQUERY, NEVER, "a subquery in a subquery that refers past the query next to it", \
      "join the tables of the two, in one subquery") \
    X(ON_SUBQUERY, NEVER, \
      "subqueries in ON of IN or ALL, or that refer to more than a column of the first table", \
      "write it behind WHERE, or compute it in a query in FROM") \
    /* Expressions. */ \
    X(UNTYPED_NULL, NEVER, "a type for this NULL", "write CAST(NULL AS type)") \
    X(CALL, NEVER, "the call", "cast the arguments to types that Flink has it for") \
    X(FUNCTION, NEVER, "the function", "write it by other functions") \
    X(PERCENTILE, 2_0, "the function", "compute it from an array, ARRAY_SORT and an index") \
    X(DATE_AND_TIMESTAMP, NEVER, "arguments of DATE beside timestamps in", \
      "cast the DATE to TIMESTAMP") \
    X(IN_TYPES, NEVER, "lists of several types in", "cast the values to one type") \
    X(TEXT_CONSTANT, NEVER, "a value for this text", "write a text of the right form") \
    X(DIVISION, NEVER, "a value for this constant", "leave out the division by zero") \
    X(ESCAPE, NEVER, "the backslash behind ESCAPE", "escape by another character, such as '!'") \
    X(UNIT, NEVER, "here the unit", "write it as a number of another unit") \
    X(ARGUMENT_COUNT, NEVER, "so many arguments of", "leave out those that mean nothing") \
    X(CAST, NEVER, "the cast", "cast to INT or BIGINT first") \
    X(JSON_PATH, NEVER, "paths that are not written out in", "write the path as text") \
    X(JSON_CHAR, NEVER, "RETURNING CHAR of", "write RETURNING STRING") \
    X(JSON_DEFAULT, NEVER, "defaults that are not constants in", "use COALESCE around the call") \
    X(SEPARATOR, NEVER, "separators that are not written out in", "write the text") \
    X(DISTINCT_TYPE, NEVER, "DISTINCT of such values:", "cast the value to STRING") \
    X(AGGREGATE_CLAUSE, NEVER, "FILTER and OVER behind", "filter by a CASE within the call") \
    X(LAG_DEFAULT, NEVER, "this default of", "write it CAST to the nullable type of the value") \
    X(WINDOW_AGGREGATE, NEVER, "for overlapping windows", \
      "group by windows of TUMBLE, or in a query around")
/* clang-format on */

typedef enum Extension {
#define EXTENSION_ENUM(name, since, what, instead) EXTENSION_##name,
    EXTENSIONS(EXTENSION_ENUM)
#undef EXTENSION_ENUM
        EXTENSION_COUNT,
} Extension;

/* The script uses it at `span`; `name` says which one: "the connector `redis`"; or it is NULL. */
void extension_report(Diagnostics *list, Extension extension, Span span, const char *name);

/* "QUALIFY", for programs. */
const char *extension_name(Extension extension);

/* FLINK_UNKNOWN if there is none of this name ("1.20"). */
FlinkVersion flink_version_find(Str text);
/* All of them. */
void flink_version_list(Buffer *out, const char *joint);

#endif
