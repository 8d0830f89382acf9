/* The syntax tree of Flink SQL: what the user wrote, before any name has a meaning.
 *
 *     SqlScript -> SqlStatement -> SqlQuery -> SqlSelect -> SqlTable, SqlExpr -> SqlType
 *
 * All nodes are plain tagged structs in the parser's arena; the trees are immutable after
 * parsing. Every node knows its span in the source. Lists hold pointers to nodes of the type
 * named beside them. Text is UTF-8, unquoted and unescaped; borrowed from the source or arena. */
#ifndef WEIR_SQL_AST_H
#define WEIR_SQL_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"
#include "data/type.h"
#include "sql/diagnostics.h"

typedef struct SqlExpr SqlExpr;
typedef struct SqlQuery SqlQuery;
typedef struct SqlTable SqlTable;
typedef struct SqlType SqlType;
typedef struct SqlWindow SqlWindow;

/* ---- Names ---- */

typedef struct SqlName {
    Str text; /* without backticks; case kept */
    Span span;
    bool is_quoted;
} SqlName;

/* catalog.database.object, table.column.field, … */
typedef struct SqlPath {
    List parts; /* SqlName, at least one */
    Span span;
} SqlPath;

/* ---- Types ---- */

/* A type as written. `type` is complete, nested types included; `children` runs parallel to
 * type.children and only adds the spans and comments of the parts. */
struct SqlType {
    Span span;
    Type type;
    List children; /* SqlType */
    bool has_comment;
    Str comment; /* of this field within its ROW */
};

/* ---- Expressions ---- */

typedef enum SqlExprKind {
    SQL_LITERAL,
    SQL_COLUMN, /* a, t.a, t.a.field */
    SQL_STAR,   /* *, t.* */
    SQL_UNARY,  /* + - NOT */
    SQL_BINARY, /* arithmetic, comparison, AND, OR, ||, OVERLAPS */
    SQL_IS,     /* IS [NOT] NULL, TRUE, FALSE, UNKNOWN, JSON … */
    SQL_BETWEEN,
    SQL_IN,   /* list or query */
    SQL_LIKE, /* LIKE, SIMILAR TO */
    SQL_CASE,
    SQL_CAST, /* CAST, TRY_CAST */
    SQL_CALL, /* functions, aggregates, window functions of FROM */
    SQL_EXISTS,
    SQL_SUBQUERY,       /* a scalar one */
    SQL_QUANTIFIED,     /* a = ANY (query), a > ALL (list) */
    SQL_ARRAY,          /* ARRAY[a, b] */
    SQL_MAP,            /* MAP[k, v, …] */
    SQL_ROW,            /* ROW(a, b), (a, b); a row of VALUES */
    SQL_SUBSCRIPT,      /* a[1], m['k'] */
    SQL_FIELD,          /* (expr).field; plain paths are SQL_COLUMN */
    SQL_DESCRIPTOR,     /* DESCRIPTOR(ts) */
    SQL_TABLE_ARGUMENT, /* TABLE t [PARTITION BY …], an argument of a table function */
    SQL_UNIT,           /* MINUTE in EXTRACT, FLOOR … TO, TIMESTAMPADD */
    SQL_DEFAULT,        /* DEFAULT as a value */
} SqlExprKind;

typedef enum SqlUnit {
    SQL_UNIT_NANOSECOND,
    SQL_UNIT_MICROSECOND,
    SQL_UNIT_MILLISECOND,
    SQL_UNIT_SECOND,
    SQL_UNIT_MINUTE,
    SQL_UNIT_HOUR,
    SQL_UNIT_DAY,
    SQL_UNIT_WEEK,
    SQL_UNIT_MONTH,
    SQL_UNIT_QUARTER,
    SQL_UNIT_YEAR,
    SQL_UNIT_DECADE,
    SQL_UNIT_CENTURY,
    SQL_UNIT_MILLENNIUM,
    SQL_UNIT_EPOCH, /* EXTRACT only, from here on */
    SQL_UNIT_DOW,
    SQL_UNIT_ISODOW,
    SQL_UNIT_DOY,
    SQL_UNIT_ISOYEAR,
} SqlUnit;

typedef enum SqlLiteralKind {
    SQL_NULL,
    SQL_BOOLEAN,
    SQL_UNKNOWN,       /* the NULL of BOOLEAN */
    SQL_EXACT,         /* 12, 12.50: digits with at most one point, no sign */
    SQL_DOUBLE,        /* 1.5E3 */
    SQL_STRING,        /* '…', U&'…', E'…' */
    SQL_BINARY_STRING, /* X'1F00' */
    SQL_DATE,          /* DATE '…' and the two below: text inside the quotes, form checked */
    SQL_TIME,
    SQL_TIMESTAMP,
    SQL_INTERVAL_MONTHS, /* in `interval` */
    SQL_INTERVAL_MILLIS, /* in `interval` */
} SqlLiteralKind;

typedef struct SqlLiteral {
    SqlLiteralKind kind;
    Str text;                   /* numbers: the digits; strings: the value; binary: the raw bytes;
                                   interval: what stands in the quotes */
    bool boolean;               /* SQL_BOOLEAN */
    int32_t precision;          /* SQL_EXACT: all digits, zeros in front too;
                                   SQL_STRING: characters; SQL_BINARY_STRING: bytes;
                                   SQL_TIME, SQL_TIMESTAMP: digits of the fraction */
    int32_t scale;              /* SQL_EXACT: digits behind the point */
    int64_t interval;           /* months or milliseconds, sign included */
    bool is_negative;           /* INTERVAL -'1' DAY; `interval` has it applied */
    SqlUnit unit_from;          /* intervals: YEAR in YEAR TO MONTH */
    SqlUnit unit_to;            /* the same as unit_from if there is no TO */
    int32_t leading_precision;  /* digits of the first field, 2 unless given */
    int32_t fraction_precision; /* digits of the second, 6 unless given */
} SqlLiteral;

typedef enum SqlUnaryOp { SQL_PLUS, SQL_MINUS, SQL_NOT } SqlUnaryOp;

typedef enum SqlBinaryOp {
    SQL_OR,
    SQL_AND,
    SQL_EQUAL,
    SQL_NOT_EQUAL,
    SQL_LESS,
    SQL_LESS_EQUAL,
    SQL_GREATER,
    SQL_GREATER_EQUAL,
    SQL_IS_DISTINCT,     /* a IS DISTINCT FROM b */
    SQL_IS_NOT_DISTINCT, /* a IS NOT DISTINCT FROM b */
    SQL_ADD,
    SQL_SUBTRACT,
    SQL_MULTIPLY,
    SQL_DIVIDE,
    SQL_MODULO,
    SQL_CONCAT,
    SQL_OVERLAPS, /* both sides are SQL_ROW */
} SqlBinaryOp;

typedef enum SqlIsKind {
    SQL_IS_NULL,
    SQL_IS_TRUE,
    SQL_IS_FALSE,
    SQL_IS_UNKNOWN,
    SQL_IS_JSON_VALUE, /* IS JSON too */
    SQL_IS_JSON_SCALAR,
    SQL_IS_JSON_ARRAY,
    SQL_IS_JSON_OBJECT,
} SqlIsKind;

typedef struct SqlWhen {
    SqlExpr *condition; /* or the value to compare with the operand */
    SqlExpr *result;
} SqlWhen;

typedef enum SqlTrimSide { SQL_TRIM_BOTH, SQL_TRIM_LEADING, SQL_TRIM_TRAILING } SqlTrimSide;

typedef enum SqlJsonBehavior {
    SQL_JSON_NONE, /* not written */
    SQL_JSON_NULL,
    SQL_JSON_ERROR,
    SQL_JSON_DEFAULT,
    SQL_JSON_EMPTY_ARRAY,
    SQL_JSON_EMPTY_OBJECT,
    SQL_JSON_TRUE,
    SQL_JSON_FALSE,
    SQL_JSON_UNKNOWN,
} SqlJsonBehavior;

typedef enum SqlJsonWrapper {
    SQL_JSON_WRAPPER_NONE, /* not written */
    SQL_JSON_WITHOUT_WRAPPER,
    SQL_JSON_CONDITIONAL_WRAPPER,
    SQL_JSON_UNCONDITIONAL_WRAPPER,
} SqlJsonWrapper;

typedef enum SqlJsonOnNull {
    SQL_JSON_ON_NULL_NONE, /* not written */
    SQL_JSON_NULL_ON_NULL,
    SQL_JSON_ABSENT_ON_NULL,
} SqlJsonOnNull;

/* The clauses of JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT[AGG], JSON_ARRAY[AGG]. */
typedef struct SqlJson {
    const SqlType *returning; /* or NULL */
    SqlJsonWrapper wrapper;
    SqlJsonBehavior on_empty;
    SqlExpr *default_on_empty; /* with SQL_JSON_DEFAULT */
    SqlJsonBehavior on_error;
    SqlExpr *default_on_error;
    SqlJsonOnNull on_null;
} SqlJson;

/* RUNNING or FINAL in front of a call, in MATCH_RECOGNIZE. */
typedef enum SqlMatchWord {
    SQL_MATCH_UNSPECIFIED,
    SQL_MATCH_RUNNING,
    SQL_MATCH_FINAL
} SqlMatchWord;

typedef enum SqlNullTreatment {
    SQL_NULLS_UNSPECIFIED,
    SQL_RESPECT_NULLS,
    SQL_IGNORE_NULLS,
} SqlNullTreatment;

/* f(a, b). Special forms are brought to argument lists:
 *     EXTRACT(u FROM t)                  EXTRACT: unit, t
 *     FLOOR(t TO u), CEIL(t TO u)        FLOOR: t, unit
 *     TIMESTAMPADD(u, n, t), …DIFF       unit, n, t
 *     POSITION(a IN b)                   POSITION: a, b
 *     SUBSTRING(s FROM i FOR n)          SUBSTRING: s, i, n
 *     OVERLAY(s PLACING r FROM i FOR n)  OVERLAY: s, r, i, n
 *     TRIM(LEADING c FROM s)             TRIM: s, c; trim_side
 *     JSON_OBJECT(k VALUE v, …)          JSON_OBJECT: k, v, …; json
 *     CURRENT_DATE, LOCALTIME, …         no arguments, has_parentheses false */
typedef struct SqlCall {
    SqlPath *name;       /* one part for built-in functions */
    List arguments;      /* SqlExpr */
    List argument_names; /* SqlName or NULL, parallel; empty when no argument is named */
    bool has_parentheses;
    bool is_distinct; /* COUNT(DISTINCT a, b) */
    bool is_star;     /* COUNT(*) */
    SqlTrimSide trim_side;
    SqlNullTreatment nulls;
    SqlMatchWord match_word;
    List order_by;   /* SqlOrderItem: WITHIN GROUP (ORDER BY …) */
    SqlJson *json;   /* or NULL */
    SqlExpr *filter; /* FILTER (WHERE …), or NULL */
    SqlWindow *over; /* OVER (…) or OVER name, or NULL */
} SqlCall;

struct SqlExpr {
    SqlExprKind kind;
    Span span;
    union {
        SqlLiteral literal;
        SqlPath *column;
        SqlPath *star; /* the qualifier, or NULL */
        struct {
            SqlUnaryOp op;
            SqlExpr *operand;
        } unary;
        struct {
            SqlBinaryOp op;
            Span op_span;
            SqlExpr *left, *right;
        } binary;
        struct {
            SqlExpr *operand;
            SqlIsKind test;
            bool is_negated;
        } is;
        struct {
            SqlExpr *operand, *low, *high;
            bool is_negated;
            bool is_symmetric;
        } between;
        struct {
            SqlExpr *operand;
            List values;     /* SqlExpr, unless query */
            SqlQuery *query; /* or NULL */
            bool is_negated;
        } in;
        struct {
            SqlExpr *operand, *pattern;
            SqlExpr *escape; /* or NULL */
            bool is_negated;
            bool is_similar; /* SIMILAR TO */
        } like;
        struct {
            SqlExpr *operand;   /* NULL in CASE WHEN condition */
            List whens;         /* SqlWhen */
            SqlExpr *otherwise; /* or NULL */
        } case_;
        struct {
            SqlExpr *operand;
            SqlType *type;
            bool is_try;
        } cast;
        SqlCall *call;
        SqlQuery *query; /* SQL_EXISTS, SQL_SUBQUERY */
        struct {
            SqlBinaryOp op;
            SqlExpr *left;
            List values;     /* SqlExpr */
            SqlQuery *query; /* instead, or NULL */
            bool is_all;     /* else ANY, SOME */
        } quantified;
        struct {
            List items;      /* SqlExpr; SQL_MAP: k, v, k, v, … */
            SqlQuery *query; /* ARRAY(SELECT …), or NULL */
        } collection;
        struct {
            SqlExpr *operand, *index;
        } subscript;
        struct {
            SqlExpr *operand;
            SqlName *name;
        } field;
        List descriptor; /* SqlName */
        struct {
            SqlPath *table;    /* or */
            SqlQuery *query;   /* TABLE (SELECT …) */
            List partition_by; /* SqlExpr */
            List order_by;     /* SqlOrderItem */
        } table;
        SqlUnit unit;
    };
};

/* ---- Queries ---- */

typedef enum SqlNullsOrder { SQL_NULLS_DEFAULT, SQL_NULLS_FIRST, SQL_NULLS_LAST } SqlNullsOrder;

typedef struct SqlOrderItem {
    SqlExpr *expr;
    bool is_descending;
    SqlNullsOrder nulls;
} SqlOrderItem;

typedef enum SqlBoundKind {
    SQL_UNBOUNDED_PRECEDING,
    SQL_PRECEDING, /* `offset` rows or time before */
    SQL_CURRENT_ROW,
    SQL_FOLLOWING,
    SQL_UNBOUNDED_FOLLOWING,
} SqlBoundKind;

typedef struct SqlBound {
    SqlBoundKind kind;
    SqlExpr *offset; /* or NULL */
} SqlBound;

/* A window of OVER or of the WINDOW clause. */
struct SqlWindow {
    Span span;
    SqlName *name;          /* OVER name; the name in the WINDOW clause; or NULL */
    SqlName *base;          /* OVER (base PARTITION BY …), or NULL */
    bool has_specification; /* parentheses were there */
    List partition_by;      /* SqlExpr */
    List order_by;          /* SqlOrderItem */
    bool has_frame;
    bool is_rows; /* ROWS, else RANGE */
    SqlBound from, to;
};

typedef struct SqlOption {
    Str key;
    Str value;
    Span key_span;
    Span value_span;
} SqlOption;

/* OPTIONS('k'='v'), LOOKUP('table'='d'), BROADCAST(a, b) */
typedef struct SqlHint {
    SqlName name;
    List options; /* SqlOption */
    List names;   /* SqlName, where there are no options */
} SqlHint;

typedef struct SqlSelectItem {
    Span span;
    SqlExpr *expr;  /* may be SQL_STAR */
    SqlName *alias; /* or NULL */
} SqlSelectItem;

typedef enum SqlGroupKind {
    SQL_GROUP_EXPR,  /* one expression */
    SQL_GROUP_EMPTY, /* () */
    SQL_GROUP_LIST,  /* (a, b) */
    SQL_GROUP_ROLLUP,
    SQL_GROUP_CUBE,
    SQL_GROUPING_SETS,
} SqlGroupKind;

typedef struct SqlGroup {
    SqlGroupKind kind;
    Span span;
    SqlExpr *expr; /* SQL_GROUP_EXPR */
    List items;    /* SqlGroup, for the other kinds */
} SqlGroup;

typedef struct SqlSelect {
    Span span;  /* the word SELECT */
    List hints; /* SqlHint */
    bool is_distinct;
    List items;     /* SqlSelectItem */
    SqlTable *from; /* or NULL; several tables with commas are joins of kind SQL_JOIN_COMMA */
    SqlExpr *where;
    bool has_group_by;
    List group_by; /* SqlGroup */
    SqlExpr *having;
    List windows; /* SqlWindow */
    SqlExpr *qualify;
} SqlSelect;

typedef enum SqlQueryKind {
    SQL_SELECT,
    SQL_VALUES,
    SQL_UNION,
    SQL_INTERSECT,
    SQL_EXCEPT,
    SQL_NESTED, /* (query with its own ORDER BY or LIMIT) */
} SqlQueryKind;

typedef struct SqlCte {
    Span span;
    SqlName name;
    List columns; /* SqlName */
    SqlQuery *query;
} SqlCte;

struct SqlQuery {
    SqlQueryKind kind;
    Span span;
    List ctes; /* SqlCte */
    union {
        SqlSelect *select;
        List rows; /* SQL_VALUES: SqlExpr of kind SQL_ROW */
        struct {
            SqlQuery *left, *right;
            bool is_all;
        } set;
        SqlQuery *nested;
    };
    List order_by;  /* SqlOrderItem */
    SqlExpr *limit; /* LIMIT and FETCH; NULL if none */
    SqlExpr *offset;
};

/* ---- MATCH_RECOGNIZE ---- */

typedef enum SqlPatternKind {
    SQL_PATTERN_VARIABLE,
    SQL_PATTERN_CONCAT,      /* a b c */
    SQL_PATTERN_ALTERNATION, /* a | b */
    SQL_PATTERN_QUANTIFIED,  /* a+, (a b){2,3}? */
    SQL_PATTERN_PERMUTE,     /* PERMUTE(a, b) */
    SQL_PATTERN_EXCLUSION,   /* {- a -} */
} SqlPatternKind;

enum { SQL_PATTERN_UNBOUNDED = -1 };

typedef struct SqlPattern SqlPattern;
struct SqlPattern {
    SqlPatternKind kind;
    Span span;
    SqlName name;        /* SQL_PATTERN_VARIABLE */
    List items;          /* SqlPattern: concatenation, alternation, PERMUTE */
    SqlPattern *operand; /* quantified, exclusion */
    int64_t min;         /* SQL_PATTERN_QUANTIFIED, and the next three */
    int64_t max;         /* or SQL_PATTERN_UNBOUNDED */
    bool is_reluctant;
    bool lacks_min; /* {,m}: min is 0 */
    Span quantifier_span;
};

typedef struct SqlMeasure {
    SqlExpr *expr;
    SqlName name;
} SqlMeasure;

typedef struct SqlPatternDefinition {
    SqlName name;
    SqlExpr *condition;
} SqlPatternDefinition;

typedef struct SqlPatternSubset {
    SqlName name;
    List variables; /* SqlName */
} SqlPatternSubset;

typedef enum SqlMatchSkip {
    SQL_SKIP_UNSPECIFIED,
    SQL_SKIP_TO_NEXT_ROW,
    SQL_SKIP_PAST_LAST_ROW,
    SQL_SKIP_TO_FIRST,
    SQL_SKIP_TO_LAST,
} SqlMatchSkip;

typedef enum SqlMatchRows { SQL_ROWS_UNSPECIFIED, SQL_ROWS_ONE, SQL_ROWS_ALL } SqlMatchRows;

typedef struct SqlMatch {
    Span span;
    SqlTable *input;   /* without alias */
    List partition_by; /* SqlExpr */
    List order_by;     /* SqlOrderItem */
    List measures;     /* SqlMeasure */
    SqlMatchRows rows;
    Span rows_span;
    SqlMatchSkip skip;
    Span skip_span;
    SqlName skip_to;    /* SQL_SKIP_TO_FIRST, SQL_SKIP_TO_LAST */
    bool starts_strict; /* ^ */
    bool ends_strict;   /* $ */
    SqlPattern *pattern;
    Span pattern_span; /* with the anchors */
    SqlExpr *within;   /* or NULL */
    List subsets;      /* SqlPatternSubset */
    List definitions;  /* SqlPatternDefinition */
} SqlMatch;

typedef enum SqlTableKind {
    SQL_TABLE_NAMED,
    SQL_TABLE_CALL,  /* TABLE(TUMBLE(…)), LATERAL TABLE(f(…)) */
    SQL_TABLE_QUERY, /* (query), LATERAL (query) */
    SQL_TABLE_UNNEST,
    SQL_TABLE_JOIN,
    SQL_TABLE_MATCH, /* t MATCH_RECOGNIZE (…) */
} SqlTableKind;

typedef enum SqlJoinKind {
    SQL_JOIN_INNER,
    SQL_JOIN_LEFT,
    SQL_JOIN_RIGHT,
    SQL_JOIN_FULL,
    SQL_JOIN_CROSS,
    SQL_JOIN_COMMA,
} SqlJoinKind;

struct SqlTable {
    SqlTableKind kind;
    Span span;
    SqlName *alias;     /* or NULL */
    List alias_columns; /* SqlName */
    bool is_lateral;    /* SQL_TABLE_CALL, SQL_TABLE_QUERY */
    union {
        struct {
            SqlPath *path;
            List hints;     /* SqlHint */
            SqlExpr *as_of; /* FOR SYSTEM_TIME AS OF, or NULL */
        } named;
        SqlExpr *call; /* SQL_CALL */
        SqlQuery *query;
        SqlMatch *match;
        struct {
            SqlExpr *expr;
            bool has_ordinality;
        } unnest;
        struct {
            SqlJoinKind kind;
            bool is_natural;
            SqlTable *left, *right;
            SqlExpr *on; /* or NULL */
            List using;  /* SqlName */
        } join;
    };
};

/* ---- Statements ---- */

typedef enum SqlStatementKind {
    SQL_SET_OPTION,
    SQL_RESET_OPTION,
    SQL_CREATE_TABLE,
    SQL_CREATE_VIEW,
    SQL_CREATE_MATERIALIZED_TABLE,
    SQL_CREATE_CATALOG,
    SQL_CREATE_DATABASE,
    SQL_CREATE_FUNCTION,
    SQL_ALTER,
    SQL_DROP,
    SQL_TRUNCATE,
    SQL_USE,
    SQL_MODULE,
    SQL_JAR,
    SQL_SHOW,
    SQL_DESCRIBE,
    SQL_STOP_JOB,
    SQL_INSERT,
    SQL_STATEMENT_SET,
    SQL_QUERY,
    SQL_EXPLAIN,
    SQL_CLIENT, /* QUIT and the like */
} SqlStatementKind;

typedef enum SqlObjectKind {
    SQL_OBJECT_TABLE,
    SQL_OBJECT_VIEW,
    SQL_OBJECT_MATERIALIZED_TABLE,
    SQL_OBJECT_CATALOG,
    SQL_OBJECT_DATABASE,
    SQL_OBJECT_FUNCTION,
} SqlObjectKind;

typedef struct SqlComment {
    bool is_given;
    Str text;
} SqlComment;

typedef enum SqlColumnKind {
    SQL_COLUMN_PHYSICAL,
    SQL_COLUMN_METADATA,
    SQL_COLUMN_COMPUTED,
} SqlColumnKind;

typedef struct SqlColumnDefinition {
    SqlColumnKind kind;
    Span span;
    SqlName name;
    SqlType *type;     /* NULL for computed ones */
    SqlExpr *computed; /* SQL_COLUMN_COMPUTED */
    bool has_metadata_key;
    Str metadata_key; /* METADATA FROM 'key' */
    Span metadata_span;
    bool is_virtual;
    bool is_primary_key; /* written at the column; also in SqlSchema's primary key */
    SqlComment comment;
    bool is_first;  /* ALTER TABLE: FIRST */
    SqlName *after; /* ALTER TABLE: AFTER column, or NULL */
} SqlColumnDefinition;

typedef struct SqlWatermark {
    Span span;
    SqlPath *column;
    SqlExpr *expr;
} SqlWatermark;

typedef struct SqlPrimaryKey {
    Span span;
    SqlName *constraint; /* or NULL */
    List columns;        /* SqlName */
} SqlPrimaryKey;

typedef struct SqlLikeOption {
    Span span;
    Str strategy; /* "INCLUDING", "EXCLUDING", "OVERWRITING" */
    Str feature;  /* "ALL", "CONSTRAINTS", … in upper case */
} SqlLikeOption;

typedef struct SqlLike {
    SqlPath *table;
    List options; /* SqlLikeOption */
} SqlLike;

typedef struct SqlDistribution {
    Span span;
    Str kind;        /* "HASH", "RANGE" or empty */
    List columns;    /* SqlName */
    int64_t buckets; /* 0 if not given */
} SqlDistribution;

typedef struct SqlCreateTable {
    SqlPath *name;
    bool is_temporary;
    bool if_not_exists;
    bool is_replace;            /* [CREATE OR] REPLACE TABLE */
    bool is_or_create;          /* CREATE OR REPLACE */
    bool is_change;             /* the parts of ALTER TABLE: columns may have places */
    List columns;               /* SqlColumnDefinition */
    SqlWatermark *watermark;    /* or NULL */
    SqlPrimaryKey *primary_key; /* or NULL */
    SqlComment comment;
    SqlDistribution *distribution; /* or NULL */
    List partitioned_by;           /* SqlName */
    List options;                  /* SqlOption */
    SqlLike *like;                 /* or NULL */
    SqlQuery *query;               /* CREATE TABLE … AS, or NULL */
} SqlCreateTable;

typedef struct SqlCreateView {
    SqlPath *name;
    bool is_temporary;
    bool if_not_exists;
    List columns; /* SqlName */
    SqlComment comment;
    SqlQuery *query;
} SqlCreateView;

typedef enum SqlRefreshMode {
    SQL_REFRESH_UNSPECIFIED,
    SQL_REFRESH_CONTINUOUS,
    SQL_REFRESH_FULL,
} SqlRefreshMode;

typedef struct SqlCreateMaterializedTable {
    SqlPath *name;
    bool if_not_exists;
    SqlPrimaryKey *primary_key; /* or NULL */
    SqlComment comment;
    List partitioned_by; /* SqlName */
    List options;        /* SqlOption */
    SqlExpr *freshness;  /* an interval literal in ms, or NULL */
    SqlRefreshMode refresh_mode;
    SqlQuery *query;
} SqlCreateMaterializedTable;

/* CATALOG, DATABASE, FUNCTION */
typedef struct SqlCreateObject {
    SqlPath *name;
    bool is_temporary;
    bool is_system; /* TEMPORARY SYSTEM FUNCTION */
    bool if_not_exists;
    SqlComment comment;
    List options;   /* SqlOption */
    Str identifier; /* FUNCTION … AS 'identifier' */
    Span identifier_span;
    Str language; /* or empty */
    List jars;    /* SqlOption with key only: USING JAR 'path' */
} SqlCreateObject;

typedef enum SqlAlterKind {
    SQL_ALTER_RENAME,        /* RENAME TO new_name */
    SQL_ALTER_RENAME_COLUMN, /* RENAME column TO new_name */
    SQL_ALTER_SET,           /* SET ('k' = 'v') */
    SQL_ALTER_RESET,         /* RESET ('k') */
    SQL_ALTER_AS,            /* VIEW, MATERIALIZED TABLE: AS query; FUNCTION: AS 'class' */
    SQL_ALTER_ADD,           /* TABLE: columns, keys, watermark, partitions, distribution */
    SQL_ALTER_MODIFY,        /* TABLE: the same but partitions */
    SQL_ALTER_DROP,          /* TABLE: the same */
    SQL_ALTER_COMMENT,       /* CATALOG: COMMENT 'text' */
    SQL_ALTER_SUSPEND,
    SQL_ALTER_RESUME,
    SQL_ALTER_REFRESH,
} SqlAlterKind;

/* (k = v, …) and, where it is added, its options. */
typedef struct SqlPartition {
    Span span;
    List values;  /* SqlPartitionValue */
    List options; /* SqlOption */
} SqlPartition;

/* ALTER TABLE … DROP */
typedef struct SqlAlterDrop {
    List columns; /* SqlName */
    bool has_primary_key;
    SqlName *constraint; /* or NULL */
    bool has_watermark;
    bool has_distribution;
} SqlAlterDrop;

typedef struct SqlAlter {
    SqlObjectKind object;
    SqlAlterKind kind;
    SqlPath *name;
    bool is_temporary; /* FUNCTION */
    bool is_system;
    bool if_exists;
    SqlCreateTable *parts; /* ADD, MODIFY of anything but partitions; else NULL */
    SqlAlterDrop drop;     /* SQL_ALTER_DROP */
    List partitions;       /* SqlPartition: ADD, DROP PARTITION */
    bool if_partition;     /* ADD IF NOT EXISTS, DROP IF EXISTS */
    SqlComment comment;
    Str identifier; /* FUNCTION */
    Str language;
    SqlName *column;   /* SQL_ALTER_RENAME_COLUMN */
    SqlPath *new_name; /* both kinds of RENAME */
    List options;      /* SqlOption: SET, RESUME WITH */
    List keys;         /* SqlOption with key only: RESET */
    Span action_span;
    SqlQuery *query;
} SqlAlter;

typedef struct SqlDrop {
    SqlObjectKind object;
    SqlPath *name;
    bool is_temporary;
    bool is_system;
    bool if_exists;
    bool is_cascade;
} SqlDrop;

typedef struct SqlUse {
    SqlObjectKind object; /* SQL_OBJECT_CATALOG or SQL_OBJECT_DATABASE */
    SqlPath *name;
} SqlUse;

typedef enum SqlShowKind {
    SQL_SHOW_CATALOGS,
    SQL_SHOW_CURRENT_CATALOG,
    SQL_SHOW_CURRENT_DATABASE,
    SQL_SHOW_DATABASES,
    SQL_SHOW_TABLES,
    SQL_SHOW_VIEWS,
    SQL_SHOW_MATERIALIZED_TABLES,
    SQL_SHOW_COLUMNS,
    SQL_SHOW_FUNCTIONS,
    SQL_SHOW_PROCEDURES,
    SQL_SHOW_MODULES,
    SQL_SHOW_JARS,
    SQL_SHOW_JOBS,
    SQL_SHOW_PARTITIONS,
    SQL_SHOW_CREATE_TABLE, /* from here on with the name of an object */
    SQL_SHOW_CREATE_VIEW,
    SQL_SHOW_CREATE_MATERIALIZED_TABLE,
    SQL_SHOW_CREATE_CATALOG,
} SqlShowKind;

typedef struct SqlShow {
    SqlShowKind kind;
    SqlPath *name;           /* FROM x, or the object of SHOW CREATE; or NULL */
    bool is_user;            /* SHOW USER FUNCTIONS */
    bool is_full;            /* SHOW FULL MODULES */
    SqlPartition *partition; /* SHOW PARTITIONS t PARTITION (…), or NULL */
    bool has_pattern;
    bool is_negated;
    bool is_case_insensitive; /* ILIKE */
    Str pattern;
} SqlShow;

typedef struct SqlDescribe {
    SqlObjectKind object; /* table (view too), catalog, database */
    SqlPath *name;        /* NULL: a job */
    bool is_extended;
    Str job;
} SqlDescribe;

typedef enum SqlModuleAction { SQL_MODULE_LOAD, SQL_MODULE_UNLOAD, SQL_MODULE_USE } SqlModuleAction;

typedef struct SqlModule {
    SqlModuleAction action;
    List names;   /* SqlName */
    List options; /* SqlOption: LOAD */
} SqlModule;

/* ADD JAR, REMOVE JAR */
typedef struct SqlJar {
    bool is_removed;
    Str path;
    Span path_span;
} SqlJar;

/* What only means something to who reads the statements. */
typedef enum SqlClient { SQL_CLIENT_QUIT, SQL_CLIENT_CLEAR, SQL_CLIENT_HELP } SqlClient;

typedef struct SqlStopJob {
    Str job;
    Span job_span;
    bool with_savepoint;
    bool with_drain;
} SqlStopJob;

typedef struct SqlPartitionValue {
    SqlName column;
    SqlExpr *value; /* or NULL */
} SqlPartitionValue;

typedef enum SqlConflict {
    SQL_CONFLICT_UNSPECIFIED,
    SQL_CONFLICT_NOTHING,
    SQL_CONFLICT_DEDUPLICATE,
    SQL_CONFLICT_ERROR,
} SqlConflict;

typedef struct SqlInsert {
    SqlPath *table;
    bool is_overwrite;
    List hints;     /* SqlHint */
    List partition; /* SqlPartitionValue */
    List columns;   /* SqlName; empty if not given */
    SqlQuery *query;
    SqlConflict conflict; /* ON CONFLICT DO … */
    Span conflict_span;
} SqlInsert;

/* EXPLAIN details, a set of bits. */
enum {
    SQL_EXPLAIN_ESTIMATED_COST = 1,
    SQL_EXPLAIN_CHANGELOG_MODE = 2,
    SQL_EXPLAIN_JSON_EXECUTION_PLAN = 4,
    SQL_EXPLAIN_PLAN_ADVICE = 8,
};

typedef struct SqlStatement SqlStatement;

typedef struct SqlExplain {
    int32_t details;
    SqlStatement *statement; /* SQL_QUERY, SQL_INSERT or SQL_STATEMENT_SET */
} SqlExplain;

/* SET 'k' = 'v', or all of them when there is no key; RESET likewise. */
typedef struct SqlSetting {
    bool has_key;
    SqlOption option;
} SqlSetting;

struct SqlStatement {
    SqlStatementKind kind;
    Span span; /* without the ';' */
    union {
        SqlSetting setting; /* SQL_SET_OPTION, SQL_RESET_OPTION */
        SqlCreateTable *create_table;
        SqlCreateView *create_view;
        SqlCreateMaterializedTable *create_materialized_table;
        SqlCreateObject *create_object;
        SqlAlter *alter;
        SqlDrop *drop;
        SqlPath *truncate;
        SqlUse use;
        SqlModule *module;
        SqlJar jar;
        SqlStopJob stop_job;
        SqlClient client;
        SqlShow *show;
        SqlDescribe describe;
        SqlInsert *insert;
        List inserts; /* SQL_STATEMENT_SET: SqlStatement of kind SQL_INSERT */
        SqlQuery *query;
        SqlExplain explain;
    };
};

typedef struct SqlScript {
    List statements; /* SqlStatement */
} SqlScript;

#endif
