/* Table maps and where their columns go.
 *
 * A binding says for each column of a table map which column of the batch takes it. It is made from
 * the definition in the book; where the server writes names into its maps, these win. A map that
 * does not fit the definition stops the source. */
#include <assert.h>
#include <string.h>

#include "connect/mysql/source.h"

static void binding_clear(Binding *binding)
{
    arena_free(binding->arena);
    *binding = (Binding){0};
}

void binding_free_all(MysqlSource *source)
{
    for (int32_t i = 0; i < BINDING_SLOTS; i++)
        binding_clear(&source->bindings[i]);
}

void binding_forget_all(MysqlSource *source)
{
    for (int32_t i = 0; i < BINDING_SLOTS; i++)
        source->bindings[i].is_used = false;
}

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

/* Whether the definition can be the one of the map. */
static bool map_fits(const TableMap *map, const MysqlTable *schema, bool is_mariadb)
{
    if (map->names == NULL && map->count < schema->count)
        return false;
    for (int32_t i = 0; i < map->count; i++) {
        int32_t at = map->names != NULL ? mysql_table_find(schema, map->names[i]) : i;
        /* MariaDB keeps the hashes of long unique keys behind all other columns. */
        bool is_hash = is_mariadb && map->columns[i].type == MYSQL_LONGLONG;
        if (map->names == NULL && at >= schema->count && !is_hash)
            return false;
        if (at < 0 || at >= schema->count)
            continue;
        if (!types_agree(map->columns[i].type, &schema->columns[at]) ||
            !widths_agree(&map->columns[i], &schema->columns[at]))
            return false;
    }
    return true;
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

static Status fail_unknown(const MysqlSource *source, const TableMap *map, const char *why,
                           Error *error)
{
    Status status =
        fail(error, ERR_LOST, "WR3142", "the columns of `%.*s.%.*s` at %s:%llu are not known: %s",
             STR_ARGS(map->database), STR_ARGS(map->name), source->stream.safe.file,
             (unsigned long long)source->stream.safe.offset, why);
    error_hint(error, "set binlog_row_metadata = FULL on the server for the future; now start "
                      "over with --fresh, or from a position behind the table's last change");
    return status;
}

/* What a map alone tells of a column, where the server writes all of it. */
static void describe_by_map(const TableMap *map, int32_t at, MysqlColumn *out)
{
    static const struct {
        MysqlType type, stands_for;
        const char *name;
    } types[] = {{MYSQL_TINY, MYSQL_TINY, "tinyint"},
                 {MYSQL_SHORT, MYSQL_SHORT, "smallint"},
                 {MYSQL_INT24, MYSQL_INT24, "mediumint"},
                 {MYSQL_LONG, MYSQL_LONG, "int"},
                 {MYSQL_LONGLONG, MYSQL_LONGLONG, "bigint"},
                 {MYSQL_FLOAT, MYSQL_FLOAT, "float"},
                 {MYSQL_DOUBLE, MYSQL_DOUBLE, "double"},
                 {MYSQL_NEWDECIMAL, MYSQL_NEWDECIMAL, "decimal"},
                 {MYSQL_DATE, MYSQL_DATE, "date"},
                 {MYSQL_NEWDATE, MYSQL_DATE, "date"},
                 {MYSQL_TIME, MYSQL_TIME2, "time"},
                 {MYSQL_TIME2, MYSQL_TIME2, "time"},
                 {MYSQL_DATETIME, MYSQL_DATETIME2, "datetime"},
                 {MYSQL_DATETIME2, MYSQL_DATETIME2, "datetime"},
                 {MYSQL_TIMESTAMP, MYSQL_TIMESTAMP2, "timestamp"},
                 {MYSQL_TIMESTAMP2, MYSQL_TIMESTAMP2, "timestamp"},
                 {MYSQL_YEAR, MYSQL_YEAR, "year"},
                 {MYSQL_VARCHAR, MYSQL_VARCHAR, "varchar"},
                 {MYSQL_VAR_STRING, MYSQL_VARCHAR, "varchar"},
                 {MYSQL_STRING, MYSQL_STRING, "char"},
                 {MYSQL_BIT, MYSQL_BIT, "bit"},
                 {MYSQL_BLOB, MYSQL_BLOB, "blob or text"},
                 {MYSQL_ENUM, MYSQL_ENUM, "enum"},
                 {MYSQL_SET, MYSQL_SET, "set"},
                 {MYSQL_JSON, MYSQL_JSON, "json"},
                 {MYSQL_VECTOR, MYSQL_VECTOR, "vector"},
                 {MYSQL_GEOMETRY, MYSQL_GEOMETRY, "geometry"}};
    const BinlogColumn *column = &map->columns[at];
    *out = (MysqlColumn){.name = map->names[at],
                         .type = MYSQL_NULL,
                         .declared = STR("of a type that is not known"),
                         .charset = column->charset,
                         .is_unsigned = column->is_unsigned,
                         .is_nullable = true};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == column->type) {
            out->type = types[i].stands_for;
            out->declared = str_from(types[i].name);
        }
    switch ((int)column->type) {
    case MYSQL_NEWDECIMAL:
        out->length = column->meta & 0xff;
        out->scale = column->meta >> 8;
        break;
    case MYSQL_BIT: out->length = (column->meta >> 8) * 8 + (column->meta & 0xff); break;
    case MYSQL_TIME2:
    case MYSQL_DATETIME2:
    case MYSQL_TIMESTAMP2: out->scale = column->meta; break;
    default: break;
    }
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
        } else if (map->names != NULL) {
            describe_by_map(map, i, known);
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

static int32_t binding_column(const Binding *binding, const MysqlTable *schema, Str name)
{
    if (binding->map.names == NULL)
        return mysql_table_find(schema, name);
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
        Str name = book_wanted(source, i);
        if (name.data == NULL)
            continue;
        int32_t at = binding_column(binding, schema, name);
        const MysqlColumn *column = at < 0 ? NULL : map->columns[at].schema;
        TRY(book_check_column(source, schema, i, column, error));
        binding->outlets[at] = book_outlet(source, i, column);
        bitmap_set(binding->required, at, true);
        if (at > binding->last_wanted)
            binding->last_wanted = at;
    }
    return OK;
}

/* The definition of the map's table; unless the map brings all there is to know, it must be known
 * and fit. */
static Status binding_find_table(MysqlSource *source, Binding *binding, Error *error)
{
    const TableMap *map = &binding->map;
    SourceTable *table = book_find(source, map->database, map->name);
    if (table == NULL) {
        MysqlTable unknown = {.database = map->database, .name = map->name};
        table = book_add(source, &unknown);
        book_set_unknown(table, STR("no statement that creates it was read"));
    }
    binding->table = table;
    bool brings_all = map->names != NULL; /* with them come all other details */
    bool is_known = table->why.length == 0;
    if (is_known && map_fits(map, table->schema, source->dump.is_mariadb))
        return OK;
    if (!is_known && brings_all)
        return OK;
    if (!is_known)
        return fail_unknown(source, map, str_terminated(binding->arena, table->why), error);
    Buffer text = {0};
    map_describe(map, table->schema, &text);
    Status status = fail_unknown(source, map, buffer_terminated(&text), error);
    buffer_free(&text);
    return status;
}

Binding *binding_find(MysqlSource *source, uint64_t id)
{
    Binding *binding = &source->bindings[id & (BINDING_SLOTS - 1)];
    return binding->is_used && binding->id == id ? binding : NULL;
}

Status binding_make(MysqlSource *source, const Event *event, Binding **out, Error *error)
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
    TableMap *map = &binding->map;
    TRY(tablemap_read(&source->stream.format, event, binding->arena, map, error));
    binding->is_wanted = table_filter_matches(source->filter, map->database, map->name);
    if (binding->is_wanted) {
        TRY(binding_find_table(source, binding, error));
        binding->is_wanted = !binding->table->is_sequence;
    }
    if (binding->is_wanted) {
        TRY(binding_connect(source, binding, error));
        binding->version = binding->table->version;
    }
    binding->is_used = true;
    return OK;
}
