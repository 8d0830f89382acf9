/* Definitions of the tables as of the position, and what table maps are bound to.
 *
 * A binding says for each column of a table map where its values go. It is made from the
 * definition the book has; the book follows the DDL statements that pass by. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "connect/mysql/lexer.h"
#include "connect/mysql/source.h"

SourceTable *book_find(const MysqlSource *source, Str database, Str name)
{
    for (int32_t i = 0; i < source->table_count; i++) {
        SourceTable *table = source->tables[i];
        if (str_equal(table->schema->database, database) && str_equal(table->schema->name, name))
            return table;
    }
    return NULL;
}

void book_set(MysqlSource *source, SourceTable *table, const MysqlTable *schema)
{
    (void)source;
    Arena *arena = arena_new(0);
    table->schema = mysql_table_copy(arena, schema);
    arena_free(table->arena);
    table->arena = arena;
    table->version++;
    table->is_unknown = schema->count == 0;
}

SourceTable *book_add(MysqlSource *source, const MysqlTable *schema)
{
    if (source->table_count == source->table_capacity) {
        source->table_capacity = source->table_capacity * 2 + 8;
        source->tables =
            memory_resize(source->tables, (int64_t)sizeof(void *) * source->table_capacity);
    }
    SourceTable *table = ARENA_NEW(source->arena, SourceTable);
    source->tables[source->table_count++] = table;
    book_set(source, table, schema);
    return table;
}

static void binding_clear(Binding *binding)
{
    arena_free(binding->arena);
    *binding = (Binding){0};
}

void book_free(MysqlSource *source)
{
    for (int32_t i = 0; i < BINDING_SLOTS; i++)
        binding_clear(&source->bindings[i]);
    for (int32_t i = 0; i < source->table_count; i++)
        arena_free(source->tables[i]->arena);
    memory_free(source->tables);
    source->tables = NULL;
    source->table_count = source->table_capacity = 0;
}

/* ---- matching with the declaration ---- */

static Str wanted_name(const MysqlSource *source, int32_t output)
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

static Status book_fail_missing(MysqlSource *source, const MysqlTable *schema, Str name,
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

static Status book_check_column(const MysqlSource *source, const MysqlTable *schema, int32_t output,
                                const MysqlColumn *column, Error *error)
{
    Type type = source->reader.node->schema.fields[output].type;
    if (column->type == MYSQL_NULL || column->type == MYSQL_TYPED_ARRAY ||
        str_find(column->declared, STR("compressed")) >= 0) {
        Status status = fail(error, ERR_INVALID, "WR3141",
                             "column `%.*s` of `%.*s.%.*s` is %.*s, which cannot be read",
                             STR_ARGS(column->name), STR_ARGS(schema->database),
                             STR_ARGS(schema->name), STR_ARGS(column->declared));
        error_hint(error, "leave the column out of CREATE TABLE");
        return status;
    }
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

Status book_check(MysqlSource *source, const MysqlTable *schema, Error *error)
{
    for (int32_t i = 0; i < source->reader.node->schema.count; i++) {
        Str name = wanted_name(source, i);
        if (name.data == NULL)
            continue;
        int32_t column = mysql_table_find(schema, name);
        if (column < 0)
            return book_fail_missing(source, schema, name, error);
        TRY(book_check_column(source, schema, i, &schema->columns[column], error));
    }
    return OK;
}

/* ---- statements ---- */

static void book_replace(MysqlSource *source, const DdlChange *change, const MysqlTable *after)
{
    SourceTable *table = book_find(source, change->new_database, change->new_name);
    if (table == NULL)
        (void)book_add(source, after);
    else
        book_set(source, table, after);
}

static void book_create(MysqlSource *source, const DdlChange *change)
{
    MysqlTable unknown = {.database = change->database, .name = change->name};
    const MysqlTable *after = change->after != NULL ? change->after : &unknown;
    SourceTable *table = book_find(source, change->database, change->name);
    if (table == NULL)
        table = book_add(source, after);
    else
        book_set(source, table, after);
    table->is_unknown = change->after == NULL;
}

/* ALTER TABLE, which may also rename. */
static void book_alter(MysqlSource *source, const DdlChange *change, Str sql)
{
    SourceTable *table = book_find(source, change->database, change->name);
    if (table == NULL)
        return;
    Arena *arena = arena_new(0);
    MysqlTable *after = ddl_apply(arena, table->schema, sql);
    if (after == NULL) {
        table->is_unknown = true;
        table->version++;
    } else if (str_equal(after->name, table->schema->name) &&
               str_equal(after->database, table->schema->database)) {
        book_set(source, table, after);
    } else {
        DdlChange rename = *change;
        rename.new_database = after->database;
        rename.new_name = after->name;
        if (table_filter_matches(source->filter, after->database, after->name))
            book_replace(source, &rename, after);
    }
    arena_free(arena);
}

static void book_rename(MysqlSource *source, const DdlChange *change)
{
    if (!table_filter_matches(source->filter, change->new_database, change->new_name))
        return;
    Arena *arena = arena_new(0);
    SourceTable *table = book_find(source, change->database, change->name);
    MysqlTable unknown = {0};
    MysqlTable *after = table != NULL ? mysql_table_copy(arena, table->schema) : &unknown;
    after->database = change->new_database;
    after->name = change->new_name;
    book_replace(source, change, after);
    SourceTable *renamed = book_find(source, change->new_database, change->new_name);
    assert(renamed != NULL);
    renamed->is_unknown = table == NULL || table->is_unknown;
    arena_free(arena);
}

Status book_take_statement(MysqlSource *source, Str database, Str sql, Error *error)
{
    (void)error;
    DdlChange changes[DDL_CHANGES_MAX];
    Arena *arena = arena_new(0);
    int32_t count = ddl_read(arena, database, sql, changes);
    for (int32_t i = 0; i < count; i++) {
        const DdlChange *change = &changes[i];
        bool is_wanted = table_filter_matches(source->filter, change->database, change->name);
        switch (change->kind) {
        case DDL_CREATED:
            if (is_wanted)
                book_create(source, change);
            break;
        case DDL_CHANGED: book_alter(source, change, sql); break;
        case DDL_RENAMED: book_rename(source, change); break;
        case DDL_DROPPED:
        case DDL_EMPTIED:
            if (is_wanted)
                log_event(LOG_WARN, "mysql-cdc",
                          "table %.*s.%.*s was %s: the binlog holds no deletes for its rows, they "
                          "stay where they were delivered",
                          STR_ARGS(change->database), STR_ARGS(change->name),
                          change->kind == DDL_DROPPED ? "dropped" : "emptied by TRUNCATE");
            break;
        case DDL_NONE:
        case DDL_UNKNOWN: break;
        }
    }
    arena_free(arena);
    return OK;
}

/* ---- bindings ---- */

/* Old servers and old tables have other numbers for what the definition calls one type. */
static bool types_agree(uint8_t in_map, const MysqlColumn *column)
{
    switch (in_map) {
    case MYSQL_NEWDATE: return column->type == MYSQL_DATE;
    case MYSQL_TIMESTAMP: return column->type == MYSQL_TIMESTAMP2;
    case MYSQL_DATETIME: return column->type == MYSQL_DATETIME2;
    case MYSQL_TIME: return column->type == MYSQL_TIME2;
    case MYSQL_VAR_STRING: return column->type == MYSQL_VARCHAR;
    case MYSQL_TINY_BLOB:
    case MYSQL_MEDIUM_BLOB:
    case MYSQL_LONG_BLOB:
    case MYSQL_BLOB: return column->type == MYSQL_BLOB || column->type == MYSQL_JSON;
    default: return in_map == column->type;
    }
}

/* Widths too: DECIMAL(10,2) is not DECIMAL(12,2), DATETIME(3) not DATETIME. */
static bool widths_agree(const BinlogColumn *column, const MysqlColumn *schema)
{
    switch (column->type) {
    case MYSQL_NEWDECIMAL:
        return (column->meta & 0xff) == schema->length && (column->meta >> 8) == schema->scale;
    case MYSQL_DATETIME2:
    case MYSQL_TIMESTAMP2:
    case MYSQL_TIME2: return column->meta == schema->scale;
    case MYSQL_BIT: return (column->meta >> 8) * 8 + (column->meta & 0xff) == schema->length;
    default: return true;
    }
}

/* Whether the definition can be the one of the map; hidden columns at the end are MySQL's own. */
static bool book_fits(const TableMap *map, const MysqlTable *schema)
{
    if (map->names == NULL && map->count < schema->count)
        return false;
    for (int32_t i = 0; i < schema->count && i < map->count; i++) {
        int32_t at = i;
        if (map->names != NULL)
            at = mysql_table_find(schema, map->names[i]);
        if (at < 0)
            continue;
        if (!types_agree(map->columns[i].type, &schema->columns[at]) ||
            !widths_agree(&map->columns[i], &schema->columns[at]))
            return false;
    }
    return map->names != NULL || map->count - schema->count < 8;
}

static void map_describe(const TableMap *map, const MysqlTable *schema, Buffer *out)
{
    buffer_printf(out, "%d columns in the log, %d in the definition", map->count, schema->count);
    for (int32_t i = 0; i < map->count && i < schema->count; i++) {
        const BinlogColumn *column = &map->columns[i];
        if (types_agree(column->type, &schema->columns[i]) &&
            widths_agree(column, &schema->columns[i]))
            continue;
        buffer_printf(out,
                      "; column %d is of type %d/%d in the log and `%.*s` %.*s in the "
                      "definition",
                      i + 1, column->type, column->meta, STR_ARGS(schema->columns[i].name),
                      STR_ARGS(schema->columns[i].declared));
        break;
    }
}

/* Read the definition as of now and see whether it is the one that the map shows. */
static Status book_refresh(MysqlSource *source, SourceTable *table, const TableMap *map,
                           Error *error)
{
    Arena *arena = arena_new(0);
    MysqlTable *now = NULL;
    Status status = OK;
    if (!mysql_client_is_open(&source->client))
        status = mysql_client_open(&source->client, error);
    if (status == OK)
        status = mysql_catalog_table(&source->client, arena, map->database, map->name, &now, error);
    mysql_client_close(&source->client);
    if (status == OK && now != NULL && book_fits(map, now)) {
        book_set(source, table, now);
    } else if (status == OK) {
        Buffer text = {0};
        map_describe(map, now != NULL ? now : table->schema, &text);
        status = fail(error, ERR_LOST, "WR3142",
                      "the columns of `%.*s.%.*s` at %s:%llu are not known: %s",
                      STR_ARGS(map->database), STR_ARGS(map->name), source->stream.safe.file,
                      (unsigned long long)source->stream.safe.offset, buffer_terminated(&text));
        buffer_free(&text);
        error_hint(error, "set binlog_row_metadata = FULL on the server for the future; now start "
                          "over with --fresh, or from a position behind the table's last change");
    }
    arena_free(arena);
    return status;
}

/* Give the columns of the map what the definition knows of them. */
static void binding_describe(Binding *binding, const MysqlTable *schema)
{
    TableMap *map = &binding->map;
    for (int32_t i = 0; i < map->count; i++) {
        BinlogColumn *column = &map->columns[i];
        int32_t at = i < schema->count ? i : -1;
        if (map->names != NULL)
            at = mysql_table_find(schema, map->names[i]);
        MysqlColumn *known = ARENA_NEW(binding->arena, MysqlColumn);
        if (at >= 0) {
            *known = schema->columns[at];
            if (!map->has_signs)
                column->is_unsigned = known->is_unsigned;
            if (!map->has_charsets || column->charset == CHARSET_UNKNOWN)
                column->charset = known->charset;
        }
        if (map->members != NULL && map->members[i] != NULL) {
            known->members = map->members[i];
            known->member_count = map->member_counts[i];
        }
        if (column->type == MYSQL_BLOB && at >= 0 && known->type == MYSQL_JSON)
            column->charset = CHARSET_UTF8; /* MariaDB's JSON is text */
        column->schema = known;
    }
}

static int32_t binding_find(const Binding *binding, const MysqlTable *schema, Str name)
{
    if (binding->map.names == NULL) {
        int32_t at = mysql_table_find(schema, name);
        return at < binding->map.count ? at : -1;
    }
    for (int32_t i = 0; i < binding->map.count; i++)
        if (str_equal_ignoring_case(binding->map.names[i], name))
            return i;
    return -1;
}

static Status binding_connect(MysqlSource *source, Binding *binding, Error *error)
{
    const MysqlTable *schema = binding->table->schema;
    TableMap *map = &binding->map;
    binding->outlets = ARENA_ARRAY(binding->arena, Outlet, map->count + 1);
    binding->required = ARENA_ARRAY(binding->arena, uint64_t, bitmap_words(map->count + 1));
    for (int32_t i = 0; i < map->count; i++)
        binding->outlets[i].column = -1;
    binding->last_wanted = -1;
    binding_describe(binding, schema);
    for (int32_t i = 0; i < source->reader.node->schema.count; i++) {
        Str name = wanted_name(source, i);
        if (name.data == NULL)
            continue;
        int32_t at = binding_find(binding, schema, name);
        if (at < 0)
            return book_fail_missing(source, schema, name, error);
        const MysqlColumn *column = map->columns[at].schema;
        assert(column != NULL);
        if (column->declared.length > 0)
            TRY(book_check_column(source, schema, i, column, error));
        binding->outlets[at] = book_outlet(source, i, column);
        bitmap_set(binding->required, at, true);
        if (at > binding->last_wanted)
            binding->last_wanted = at;
    }
    return OK;
}

/* The table of a map, found in the book or added to it. */
static Status binding_find_table(MysqlSource *source, Binding *binding, Error *error)
{
    const TableMap *map = &binding->map;
    SourceTable *table = book_find(source, map->database, map->name);
    if (table == NULL) {
        MysqlTable unknown = {.database = map->database, .name = map->name};
        table = book_add(source, &unknown);
    }
    binding->table = table;
    if (table->is_unknown || !book_fits(map, table->schema))
        TRY(book_refresh(source, table, map, error));
    return OK;
}

Binding *book_binding(MysqlSource *source, uint64_t id)
{
    Binding *binding = &source->bindings[id & (BINDING_SLOTS - 1)];
    return binding->is_used && binding->id == id ? binding : NULL;
}

Status book_bind(MysqlSource *source, const Event *event, Binding **out, Error *error)
{
    uint64_t id = 0;
    TRY(tablemap_read_id(&source->stream.format, event, &id, error));
    Binding *binding = &source->bindings[id & (BINDING_SLOTS - 1)];
    *out = binding;
    if (binding->is_used && binding->id == id && str_equal(binding->raw, event->body) &&
        (!binding->is_wanted || binding->version == binding->table->version))
        return OK;
    binding_clear(binding);
    binding->arena = arena_new(0);
    binding->id = id;
    binding->raw = str_copy(binding->arena, event->body);
    TRY(tablemap_read(&source->stream.format, event, binding->arena, &binding->map, error));
    binding->is_wanted =
        table_filter_matches(source->filter, binding->map.database, binding->map.name);
    if (binding->is_wanted) {
        TRY(binding_find_table(source, binding, error));
        TRY(binding_connect(source, binding, error));
        binding->version = binding->table->version;
    }
    binding->is_used = true;
    return OK;
}
