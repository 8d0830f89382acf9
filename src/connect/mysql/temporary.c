/* Temporary tables of sessions that log statements.
 *
 * What such a session does to its own tables is logged as well, and is no change of those that
 * are read, even under the same names. Which names are temporary tables is known from the
 * statements that made them. A server that is started anew has none. */
#include "base/memory.h"
#include "connect/mysql/source.h"

enum { TEMPORARY_TABLES_MAX = 10000 };

static void temporary_remove_at(TemporaryTables *tables, int32_t index)
{
    buffer_free(&tables->items[index].database);
    buffer_free(&tables->items[index].name);
    tables->count--;
    for (int32_t i = index; i < tables->count; i++)
        tables->items[i] = tables->items[i + 1];
}

static int32_t temporary_index(const MysqlSource *source, uint32_t thread_id, Str database,
                               Str name)
{
    const TemporaryTables *tables = &source->temporary;
    for (int32_t i = 0; i < tables->count; i++) {
        const TemporaryTable *table = &tables->items[i];
        if (table->server_id == source->stream.event.server_id && table->thread_id == thread_id &&
            mysql_names_agree(source, buffer_str(&table->name), name) &&
            mysql_names_agree(source, buffer_str(&table->database), database))
            return i;
    }
    return -1;
}

bool temporary_has(const MysqlSource *source, uint32_t thread_id, Str database, Str name)
{
    return temporary_index(source, thread_id, database, name) >= 0;
}

static void temporary_append(TemporaryTables *tables, uint32_t server_id, uint32_t thread_id,
                             Str database, Str name)
{
    if (tables->count == TEMPORARY_TABLES_MAX)
        temporary_remove_at(tables, 0);
    if (tables->count == tables->capacity) {
        tables->capacity = tables->capacity * 2 + 8;
        tables->items =
            memory_resize(tables->items, (int64_t)sizeof(TemporaryTable) * tables->capacity);
    }
    TemporaryTable *table = &tables->items[tables->count++];
    *table = (TemporaryTable){.server_id = server_id, .thread_id = thread_id};
    buffer_append_str(&table->database, database);
    buffer_append_str(&table->name, name);
}

static void temporary_remove(MysqlSource *source, uint32_t thread_id, Str database, Str name)
{
    int32_t index = temporary_index(source, thread_id, database, name);
    if (index >= 0)
        temporary_remove_at(&source->temporary, index);
}

static void temporary_forget_session(MysqlSource *source, uint32_t thread_id)
{
    TemporaryTables *tables = &source->temporary;
    for (int32_t i = tables->count - 1; i >= 0; i--)
        if (tables->items[i].server_id == source->stream.event.server_id &&
            tables->items[i].thread_id == thread_id)
            temporary_remove_at(tables, i);
}

void temporary_forget_server(MysqlSource *source, uint32_t server_id)
{
    TemporaryTables *tables = &source->temporary;
    for (int32_t i = tables->count - 1; i >= 0; i--)
        if (tables->items[i].server_id == server_id)
            temporary_remove_at(tables, i);
}

/* Behind DROP. */
static void follow_drop(MysqlSource *source, Arena *arena, const QueryEvent *query, SqlLexer lexer)
{
    (void)sql_lexer_take(&lexer, "TEMPORARY");
    if (!sql_lexer_take(&lexer, "TABLE") && !sql_lexer_take(&lexer, "TABLES"))
        return;
    (void)ddl_take_if_exists(&lexer);
    Str database, name;
    do {
        if (!ddl_take_table(&lexer, arena, query->database, &database, &name)) {
            temporary_forget_session(source, query->thread_id);
            return;
        }
        temporary_remove(source, query->thread_id, database, name);
    } while (sql_lexer_take(&lexer, ","));
}

/* Behind ALTER TABLE. One that has another name from then on is not known to be temporary. */
static void follow_alter(MysqlSource *source, Arena *arena, const QueryEvent *query, SqlLexer lexer)
{
    Str database, name;
    if (!ddl_take_table(&lexer, arena, query->database, &database, &name))
        return;
    for (; lexer.kind != SQL_END; sql_lexer_next(&lexer))
        if (sql_lexer_take(&lexer, "RENAME"))
            temporary_remove(source, query->thread_id, database, name);
}

void temporary_follow(MysqlSource *source, const QueryEvent *query)
{
    Arena *arena = arena_new(0);
    Str database, name;
    SqlLexer lexer = sql_lexer(query->sql);
    bool is_temporary = false;
    if (statement_take_create(&lexer, &is_temporary)) {
        if (is_temporary && ddl_take_table(&lexer, arena, query->database, &database, &name) &&
            !temporary_has(source, query->thread_id, database, name))
            temporary_append(&source->temporary, source->stream.event.server_id, query->thread_id,
                             database, name);
    } else if (sql_lexer_take(&lexer, "DROP")) {
        follow_drop(source, arena, query, lexer);
    } else if (sql_lexer_take(&lexer, "RENAME")) {
        temporary_forget_session(source, query->thread_id);
    } else if (ddl_take_alter(&lexer)) {
        follow_alter(source, arena, query, lexer);
    }
    arena_free(arena);
}

void temporary_free(MysqlSource *source)
{
    while (source->temporary.count > 0)
        temporary_remove_at(&source->temporary, source->temporary.count - 1);
    memory_free(source->temporary.items);
}

void temporary_write_state(const MysqlSource *source, Buffer *out)
{
    const TemporaryTables *tables = &source->temporary;
    buffer_append_u32(out, (uint32_t)tables->count);
    for (int32_t i = 0; i < tables->count; i++) {
        buffer_append_u32(out, tables->items[i].server_id);
        buffer_append_u32(out, tables->items[i].thread_id);
        buffer_append_bytes(out, buffer_str(&tables->items[i].database));
        buffer_append_bytes(out, buffer_str(&tables->items[i].name));
    }
}

void temporary_read_state(MysqlSource *source, ByteReader *reader)
{
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && i < TEMPORARY_TABLES_MAX && !reader->is_short; i++) {
        uint32_t server_id = byte_reader_u32(reader);
        uint32_t thread_id = byte_reader_u32(reader);
        Str database = byte_reader_bytes(reader);
        Str name = byte_reader_bytes(reader);
        temporary_append(&source->temporary, server_id, thread_id, database, name);
    }
}
