/* Definitions of the tables as of the position, and whether they can be read as declared. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "connect/mysql/source.h"

/* ---- tables ---- */

bool mysql_names_agree(const MysqlSource *source, Str a, Str b)
{
    return source->name_case == NAMES_EXACT ? str_equal(a, b) : str_equal_ignoring_case(a, b);
}

SourceTable *book_find(const MysqlSource *source, Str database, Str name)
{
    for (int32_t i = 0; i < source->table_count; i++) {
        SourceTable *table = source->tables[i];
        if (mysql_names_agree(source, table->schema->name, name) &&
            mysql_names_agree(source, table->schema->database, database))
            return table;
    }
    return NULL;
}

void book_set(SourceTable *table, const MysqlTable *schema)
{
    Arena *arena = arena_new(0);
    table->schema = mysql_table_copy(arena, schema);
    arena_free(table->arena);
    table->arena = arena;
    table->version++;
    table->why = (Str){0};
    table->is_sequence = table->is_assumed = false;
}

void book_set_unknown(SourceTable *table, Str why)
{
    MysqlTable nothing = {.database = table->schema->database, .name = table->schema->name};
    book_set(table, &nothing);
    table->why = str_copy(table->arena, why);
}

SourceTable *book_add(MysqlSource *source, const MysqlTable *schema)
{
    if (source->table_count == source->table_capacity) {
        source->table_capacity = source->table_capacity * 2 + 8;
        source->tables =
            memory_resize(source->tables, (int64_t)sizeof(void *) * source->table_capacity);
    }
    SourceTable *table = memory_allocate_zeroed(sizeof *table);
    source->tables[source->table_count++] = table;
    book_set(table, schema);
    table->is_wanted = table_filter_matches(source->filter, schema->database, schema->name);
    return table;
}

static void table_free(SourceTable *table)
{
    arena_free(table->arena);
    memory_free(table);
}

void book_remove(MysqlSource *source, SourceTable *table)
{
    binding_forget_all(source);
    int32_t at = 0;
    while (source->tables[at] != table)
        at++;
    assert(at < source->table_count);
    source->tables[at] = source->tables[--source->table_count];
    table_free(table);
}

void book_free(MysqlSource *source)
{
    binding_free_all(source);
    for (int32_t i = 0; i < source->table_count; i++)
        table_free(source->tables[i]);
    memory_free(source->tables);
    source->tables = NULL;
    source->table_count = source->table_capacity = 0;
}

void book_take_catalog(MysqlSource *source, const MysqlCatalog *catalog)
{
    for (int32_t i = 0; i < catalog->tables.count; i++)
        book_add(source, LIST_AT(catalog->tables, i, MysqlTable))->is_assumed =
            source->assumed_until.offset != 0;
    for (int32_t i = 0; i < catalog->sequences.count; i++)
        book_add(source, LIST_AT(catalog->sequences, i, MysqlTable))->is_sequence = true;
    for (int32_t i = 0; i < catalog->databases.count; i++) {
        const MysqlTable *database = LIST_AT(catalog->databases, i, MysqlTable);
        book_set_charset(source, database->name, database->charset_name);
    }
}

/* ---- databases ---- */

static SourceDatabase *database_find(const MysqlSource *source, Str name)
{
    for (int32_t i = 0; i < source->databases.count; i++) {
        SourceDatabase *database = LIST_AT(source->databases, i, SourceDatabase);
        if (mysql_names_agree(source, database->name, name))
            return database;
    }
    return NULL;
}

Str book_charset(const MysqlSource *source, Str database)
{
    const SourceDatabase *found = database_find(source, database);
    return found != NULL ? found->charset : (Str){0};
}

void book_set_charset(MysqlSource *source, Str database, Str charset)
{
    SourceDatabase *found = database_find(source, database);
    if (found == NULL) {
        found = ARENA_NEW(source->arena, SourceDatabase);
        found->name = str_copy(source->arena, database);
        list_append(&source->databases, source->arena, found);
    }
    if (!str_equal(found->charset, charset))
        found->charset = str_copy(source->arena, charset);
}

/* ---- matching with the declaration ---- */

Str book_wanted(const MysqlSource *source, int32_t output)
{
    const PlanNode *node = source->reader.node;
    int32_t column = node->source.columns[output];
    return column < 0 ? (Str){0} : node->source.table->physical.fields[column].name;
}

Outlet book_outlet(const MysqlSource *source, int32_t output, const MysqlColumn *column)
{
    Type type = source->reader.node->schema.fields[output].type;
    Outlet outlet = {.column = output,
                     .type = type,
                     .physical = type_physical(type),
                     .zone = source->options.zone,
                     .binary = source->options.binary};
    if (column->type == MYSQL_BIT)
        outlet.is_exact = type_is_bytes(type);
    else
        outlet.is_exact = type_is_text(type) && column->charset != CHARSET_BINARY;
    return outlet;
}

static Status fail_missing(const MysqlSource *source, const MysqlTable *schema, Str name,
                           Error *error)
{
    enum { DISTANCE_MAX = 3 };
    int32_t best = DISTANCE_MAX + 1, nearest = -1;
    for (int32_t i = 0; i < schema->count; i++) {
        int32_t distance = str_edit_distance(schema->columns[i].name, name, DISTANCE_MAX);
        if (distance < best) {
            best = distance;
            nearest = i;
        }
    }
    bool is_running = atomic_load(&source->reader.progress.phase) == PHASE_STREAMING;
    Status status = fail(error, is_running ? ERR_LOST : ERR_NOT_FOUND, "WR3140",
                         "table `%.*s.%.*s` has no column `%.*s`%s", STR_ARGS(schema->database),
                         STR_ARGS(schema->name), STR_ARGS(name), is_running ? " any more" : "");
    if (nearest >= 0)
        error_hint(error, "did you mean `%.*s`?", STR_ARGS(schema->columns[nearest].name));
    else
        error_hint(error, "take the column out of CREATE TABLE, or give it back its name");
    return status;
}

static Status fail_type(const MysqlSource *source, const MysqlTable *schema, int32_t output,
                        const MysqlColumn *column, Error *error)
{
    Type type = source->reader.node->schema.fields[output].type;
    const char *help = outlet_refuse(column, type, source->options.binary);
    if (help == NULL)
        return OK;
    Buffer text = {0};
    type_print(&text, type);
    Status status =
        fail(error, ERR_INVALID, "WR3141",
             "column `%.*s` of `%.*s.%.*s` is %.*s%s%.*s, which cannot be read as %s",
             STR_ARGS(column->name), STR_ARGS(schema->database), STR_ARGS(schema->name),
             STR_ARGS(column->declared), column->charset == CHARSET_OTHER ? " character set " : "",
             column->charset == CHARSET_OTHER ? (int)column->charset_name.length : 0,
             column->charset_name.data != NULL ? column->charset_name.data : "",
             buffer_terminated(&text));
    buffer_free(&text);
    error_hint(error, "%s", help);
    return status;
}

Status book_check_column(MysqlSource *source, const MysqlTable *schema, int32_t output,
                         const MysqlColumn *column, Error *error)
{
    Status status = OK;
    if (column == NULL) {
        status = fail_missing(source, schema, book_wanted(source, output), error);
    } else if (column->type == MYSQL_NULL || column->type == MYSQL_TYPED_ARRAY ||
               str_find(column->declared, STR("compressed")) >= 0) {
        status = fail(error, ERR_INVALID, "WR3141",
                      "column `%.*s` of `%.*s.%.*s` is %.*s, which cannot be read",
                      STR_ARGS(column->name), STR_ARGS(schema->database), STR_ARGS(schema->name),
                      STR_ARGS(column->declared));
        error_hint(error, "leave the column out of CREATE TABLE");
    } else {
        status = fail_type(source, schema, output, column, error);
    }
    if (status != OK)
        error->is_in_place = true; /* another declaration can go on from here */
    return status;
}

Status book_check(MysqlSource *source, const MysqlTable *schema, Error *error)
{
    for (int32_t i = 0; i < source->reader.node->schema.count; i++) {
        Str name = book_wanted(source, i);
        if (name.data == NULL)
            continue;
        int32_t column = mysql_table_find(schema, name);
        TRY(book_check_column(source, schema, i, column < 0 ? NULL : &schema->columns[column],
                              error));
    }
    return OK;
}
