/* Types by their SQL text, and character sets: see schema.h. */
#include "connect/mysql/schema.h"

#include <assert.h>
#include <string.h>

#include "connect/mysql/lexer.h"

typedef struct TypeWord {
    const char *word;
    MysqlType type;
    Charset charset; /* CHARSET_BINARY for byte types, CHARSET_UTF8 for JSON, else unknown */
} TypeWord;

static const TypeWord TYPE_WORDS[] = {
    {"TINYINT", MYSQL_TINY, CHARSET_UNKNOWN},
    {"BOOL", MYSQL_TINY, CHARSET_UNKNOWN},
    {"BOOLEAN", MYSQL_TINY, CHARSET_UNKNOWN},
    {"INT1", MYSQL_TINY, CHARSET_UNKNOWN},
    {"SMALLINT", MYSQL_SHORT, CHARSET_UNKNOWN},
    {"INT2", MYSQL_SHORT, CHARSET_UNKNOWN},
    {"MEDIUMINT", MYSQL_INT24, CHARSET_UNKNOWN},
    {"MIDDLEINT", MYSQL_INT24, CHARSET_UNKNOWN},
    {"INT3", MYSQL_INT24, CHARSET_UNKNOWN},
    {"INT", MYSQL_LONG, CHARSET_UNKNOWN},
    {"INT4", MYSQL_LONG, CHARSET_UNKNOWN},
    {"INTEGER", MYSQL_LONG, CHARSET_UNKNOWN},
    {"BIGINT", MYSQL_LONGLONG, CHARSET_UNKNOWN},
    {"INT8", MYSQL_LONGLONG, CHARSET_UNKNOWN},
    {"SERIAL", MYSQL_LONGLONG, CHARSET_UNKNOWN},
    {"FLOAT", MYSQL_FLOAT, CHARSET_UNKNOWN},
    {"FLOAT4", MYSQL_FLOAT, CHARSET_UNKNOWN},
    {"FLOAT8", MYSQL_DOUBLE, CHARSET_UNKNOWN},
    {"DOUBLE", MYSQL_DOUBLE, CHARSET_UNKNOWN},
    {"REAL", MYSQL_DOUBLE, CHARSET_UNKNOWN},
    {"DECIMAL", MYSQL_NEWDECIMAL, CHARSET_UNKNOWN},
    {"DEC", MYSQL_NEWDECIMAL, CHARSET_UNKNOWN},
    {"NUMERIC", MYSQL_NEWDECIMAL, CHARSET_UNKNOWN},
    {"FIXED", MYSQL_NEWDECIMAL, CHARSET_UNKNOWN},
    {"BIT", MYSQL_BIT, CHARSET_BINARY},
    {"DATE", MYSQL_DATE, CHARSET_UNKNOWN},
    {"TIME", MYSQL_TIME2, CHARSET_UNKNOWN},
    {"DATETIME", MYSQL_DATETIME2, CHARSET_UNKNOWN},
    {"TIMESTAMP", MYSQL_TIMESTAMP2, CHARSET_UNKNOWN},
    {"YEAR", MYSQL_YEAR, CHARSET_UNKNOWN},
    {"CHAR", MYSQL_STRING, CHARSET_UNKNOWN},
    {"CHARACTER", MYSQL_STRING, CHARSET_UNKNOWN},
    {"NCHAR", MYSQL_STRING, CHARSET_UTF8},
    {"VARCHAR", MYSQL_VARCHAR, CHARSET_UNKNOWN},
    {"VARCHARACTER", MYSQL_VARCHAR, CHARSET_UNKNOWN},
    {"NVARCHAR", MYSQL_VARCHAR, CHARSET_UTF8},
    {"BINARY", MYSQL_STRING, CHARSET_BINARY},
    {"VARBINARY", MYSQL_VARCHAR, CHARSET_BINARY},
    {"TINYTEXT", MYSQL_BLOB, CHARSET_UNKNOWN},
    {"TEXT", MYSQL_BLOB, CHARSET_UNKNOWN},
    {"MEDIUMTEXT", MYSQL_BLOB, CHARSET_UNKNOWN},
    {"LONGTEXT", MYSQL_BLOB, CHARSET_UNKNOWN},
    {"LONG", MYSQL_BLOB, CHARSET_UNKNOWN},
    {"TINYBLOB", MYSQL_BLOB, CHARSET_BINARY},
    {"BLOB", MYSQL_BLOB, CHARSET_BINARY},
    {"MEDIUMBLOB", MYSQL_BLOB, CHARSET_BINARY},
    {"LONGBLOB", MYSQL_BLOB, CHARSET_BINARY},
    {"ENUM", MYSQL_ENUM, CHARSET_UNKNOWN},
    {"SET", MYSQL_SET, CHARSET_UNKNOWN},
    {"JSON", MYSQL_JSON, CHARSET_UTF8},
    {"VECTOR", MYSQL_VECTOR, CHARSET_BINARY},
    {"GEOMETRY", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"POINT", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"LINESTRING", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"POLYGON", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"MULTIPOINT", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"MULTILINESTRING", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"MULTIPOLYGON", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"GEOMETRYCOLLECTION", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"GEOMCOLLECTION", MYSQL_GEOMETRY, CHARSET_BINARY},
    {"INET6", MYSQL_STRING, CHARSET_BINARY},
    {"INET4", MYSQL_STRING, CHARSET_BINARY},
    {"UUID", MYSQL_STRING, CHARSET_BINARY},
};

int32_t mysql_table_find(const MysqlTable *table, Str name)
{
    for (int32_t i = 0; i < table->count; i++)
        if (str_equal_ignoring_case(table->columns[i].name, name))
            return i;
    return -1;
}

bool mysql_column_is_text(const MysqlColumn *column)
{
    switch ((int)column->type) {
    case MYSQL_STRING:
    case MYSQL_VARCHAR:
    case MYSQL_VAR_STRING:
    case MYSQL_BLOB:
    case MYSQL_ENUM:
    case MYSQL_SET: return column->charset != CHARSET_BINARY;
    default: return false;
    }
}

/* "(10)", "(10,2)" or "('a','b')". */
static bool type_take_arguments(Arena *arena, SqlLexer *lexer, MysqlColumn *column)
{
    if (!sql_lexer_take(lexer, "("))
        return true;
    List members = {0};
    int32_t number_count = 0;
    do {
        Str text;
        int64_t number = 0;
        if (sql_lexer_take_string(lexer, arena, &text)) {
            Str *member = ARENA_NEW(arena, Str);
            *member = text;
            list_append(&members, arena, member);
        } else if (sql_lexer_take_number(lexer, &number) && number <= INT32_MAX) {
            if (number_count == 0)
                column->length = (int32_t)number;
            else
                column->scale = (int32_t)number;
            number_count++;
        } else {
            return false;
        }
    } while (sql_lexer_take(lexer, ","));
    if (members.count > 0) {
        Str *all = ARENA_ARRAY(arena, Str, members.count);
        for (int32_t i = 0; i < members.count; i++)
            all[i] = *LIST_AT(members, i, Str);
        column->members = all;
        column->member_count = members.count;
    }
    return sql_lexer_take(lexer, ")");
}

/* UNSIGNED, ZEROFILL, CHARACTER SET x, COLLATE x and their kind, in any order. */
static void type_take_attributes(Arena *arena, SqlLexer *lexer, MysqlColumn *column)
{
    for (;;) {
        Str name = {0};
        if (sql_lexer_take(lexer, "UNSIGNED") || sql_lexer_take(lexer, "ZEROFILL"))
            column->is_unsigned = true;
        else if (sql_lexer_take(lexer, "SIGNED") || sql_lexer_take(lexer, "PRECISION") ||
                 sql_lexer_take(lexer, "COMPRESSED") || sql_lexer_take(lexer, "VARYING") ||
                 sql_lexer_take(lexer, "BINARY"))
            continue;
        else if (sql_lexer_take(lexer, "BYTE"))
            column->charset_name = STR("binary");
        else if (sql_lexer_take(lexer, "ASCII"))
            column->charset_name = STR("latin1");
        else if (sql_lexer_take(lexer, "UNICODE"))
            column->charset_name = STR("ucs2");
        else if (sql_lexer_take(lexer, "CHARSET") ||
                 (sql_lexer_take(lexer, "CHARACTER") && sql_lexer_take(lexer, "SET"))) {
            if (sql_lexer_take_name(lexer, arena, &name) ||
                sql_lexer_take_string(lexer, arena, &name))
                column->charset_name = name;
        } else if (sql_lexer_take(lexer, "COLLATE")) {
            if (sql_lexer_take_name(lexer, arena, &name) ||
                sql_lexer_take_string(lexer, arena, &name))
                name = charset_of_collation(name);
            if (name.data != NULL)
                column->charset_name = name;
        } else {
            return;
        }
    }
}

static void type_finish(const TypeWord *word, Str default_charset, MysqlColumn *column)
{
    if (column->type == MYSQL_NEWDECIMAL && column->length == 0)
        column->length = 10;
    if (column->type == MYSQL_BIT && column->length == 0)
        column->length = 1;
    if (column->type == MYSQL_TIME2 || column->type == MYSQL_DATETIME2 ||
        column->type == MYSQL_TIMESTAMP2)
        column->scale = column->length;
    if (column->type == MYSQL_FLOAT && column->length > 24 && column->scale == 0)
        column->type = MYSQL_DOUBLE;
    if (strncmp(word->word, "BOOL", 4) == 0)
        column->length = 1;
    column->charset = word->charset;
    if (!mysql_column_is_text(column))
        return;
    if (column->charset == CHARSET_UTF8) /* NCHAR */
        column->charset_name = STR("utf8mb3");
    if (column->charset_name.data == NULL)
        column->charset_name = default_charset;
    if (column->charset_name.data != NULL)
        column->charset = charset_from_name(column->charset_name);
}

bool mysql_type_parse(Arena *arena, Str *text, Str default_charset, MysqlColumn *column)
{
    SqlLexer lexer = sql_lexer(*text);
    const char *start = lexer.token.data;
    (void)sql_lexer_take(&lexer, "NATIONAL");
    const TypeWord *word = NULL;
    for (size_t i = 0; word == NULL && i < sizeof TYPE_WORDS / sizeof *TYPE_WORDS; i++)
        if (sql_lexer_take(&lexer, TYPE_WORDS[i].word))
            word = &TYPE_WORDS[i];
    if (word == NULL)
        return false;
    column->type = word->type;
    column->is_nullable = true;
    bool is_serial = str_is(str_from(word->word), "SERIAL");
    column->is_unsigned = is_serial;
    if (word->type == MYSQL_STRING && word->charset == CHARSET_UNKNOWN &&
        sql_lexer_take(&lexer, "VARYING"))
        column->type = MYSQL_VARCHAR;
    if (word->type == MYSQL_BLOB && str_is(str_from(word->word), "LONG"))
        (void)(sql_lexer_take(&lexer, "VARCHAR") || sql_lexer_take(&lexer, "VARCHARACTER"));
    bool is_bytes = word->type == MYSQL_BLOB && sql_lexer_take(&lexer, "VARBINARY");
    (void)sql_lexer_take(&lexer, "PRECISION");
    if (!type_take_arguments(arena, &lexer, column))
        return false;
    type_take_attributes(arena, &lexer, column);
    if (is_bytes)
        column->charset_name = STR("binary");
    type_finish(word, default_charset, column);
    Str spoken = str_trim(str_make(start, lexer.token.data - start));
    column->declared = str_to_lower(arena, spoken);
    if (column->member_count > 0)
        column->declared = str_copy(arena, spoken);
    *text = sql_lexer_rest(&lexer);
    return true;
}

/* ---- character sets ---- */

Str charset_of_collation(Str collation)
{
    Str rest;
    Str charset = str_split(collation, '_', &rest);
    bool is_of_any = str_equal_ignoring_case(charset, STR("uca1400")) ||
                     str_equal_ignoring_case(charset, STR("DEFAULT"));
    return is_of_any ? (Str){0} : charset;
}

Charset charset_from_name(Str name)
{
    static const struct {
        const char *name;
        Charset charset;
    } known[] = {{"binary", CHARSET_BINARY}, {"ascii", CHARSET_UTF8},   {"utf8", CHARSET_UTF8},
                 {"utf8mb3", CHARSET_UTF8},  {"utf8mb4", CHARSET_UTF8}, {"latin1", CHARSET_LATIN1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_equal_ignoring_case(name, str_from(known[i].name)))
            return known[i].charset;
    return CHARSET_OTHER;
}

typedef struct CollationRange {
    uint16_t first, last;
    Charset charset;
} CollationRange;

/* Identifiers from SHOW COLLATION of MySQL 8.0 and MariaDB 10.11; MariaDB's NO PAD forms are
 * 1024 higher, its UCA 14 ones lie from 2048 on. */
static const CollationRange COLLATIONS[] = {
    {63, 63, CHARSET_BINARY}, {5, 5, CHARSET_LATIN1},     {8, 8, CHARSET_LATIN1},
    {15, 15, CHARSET_LATIN1}, {31, 31, CHARSET_LATIN1},   {47, 49, CHARSET_LATIN1},
    {94, 94, CHARSET_LATIN1}, {11, 11, CHARSET_UTF8},     {65, 65, CHARSET_UTF8},
    {33, 33, CHARSET_UTF8},   {76, 76, CHARSET_UTF8},     {83, 83, CHARSET_UTF8},
    {192, 215, CHARSET_UTF8}, {223, 223, CHARSET_UTF8},   {45, 46, CHARSET_UTF8},
    {224, 247, CHARSET_UTF8}, {255, 323, CHARSET_UTF8},   {576, 578, CHARSET_UTF8},
    {608, 610, CHARSET_UTF8}, {2048, 2559, CHARSET_UTF8},
};

Charset charset_from_collation(uint64_t id)
{
    uint64_t plain = id >= 1024 && id < 2048 ? id - 1024 : id;
    for (size_t i = 0; i < sizeof COLLATIONS / sizeof *COLLATIONS; i++)
        if (plain >= COLLATIONS[i].first && plain <= COLLATIONS[i].last)
            return COLLATIONS[i].charset;
    return CHARSET_OTHER;
}

Str charset_name_of_collation(uint64_t id)
{
    if (id == 0)
        return (Str){0};
    switch (charset_from_collation(id)) {
    case CHARSET_BINARY: return STR("binary");
    case CHARSET_UTF8: return STR("utf8mb4");
    case CHARSET_LATIN1: return STR("latin1");
    case CHARSET_UNKNOWN:
    case CHARSET_OTHER: break;
    }
    return STR("(another)");
}

/* MySQL's latin1 is Windows-1252, where the five unused codes stand for themselves. */
static const uint16_t LATIN1_HIGH[32] = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178,
};

void charset_convert(Charset charset, Str bytes, Buffer *out)
{
    if (charset != CHARSET_LATIN1) {
        buffer_append_str(out, bytes);
        return;
    }
    uint8_t *into = (uint8_t *)buffer_reserve(out, bytes.length * 3);
    uint8_t *start = into;
    for (int64_t i = 0; i < bytes.length; i++) {
        uint32_t code = (uint8_t)bytes.data[i];
        if (code >= 0x80 && code < 0xa0)
            code = LATIN1_HIGH[code - 0x80];
        if (code < 0x80) {
            *into++ = (uint8_t)code;
        } else if (code < 0x800) {
            *into++ = (uint8_t)(0xc0 | code >> 6);
            *into++ = (uint8_t)(0x80 | (code & 0x3f));
        } else {
            *into++ = (uint8_t)(0xe0 | code >> 12);
            *into++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
            *into++ = (uint8_t)(0x80 | (code & 0x3f));
        }
    }
    out->length += into - start;
}
