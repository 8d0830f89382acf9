/* What of the tables that are read the binlog or a snapshot cannot show: said at each start. */
#include "base/log.h"
#include "connect/mysql/source.h"

enum { NAMES_SHOWN = 10, SCHEMA = 0, NAME = 1, DETAIL = 2, FIELDS = 3 };

/* Tables without versions of rows: a read of them sees what is written meanwhile. */
static const char ENGINES_SQL[] =
    "SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE FROM information_schema.TABLES "
    "WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE NOT IN "
    "(SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES') ORDER BY 1, 2";

static const char ENGINES_TEXT[] =
    " has no consistent reads: rows of it that are written while the snapshot "
    "reads "
    "it may count twice or come in part; keep writers away until \"the snapshot is read\", or make "
    "it InnoDB";

/* Those that may have foreign keys, which information_schema does not show to accounts that may
 * only read. */
static const char TABLES_SQL[] =
    "SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE FROM information_schema.TABLES "
    "WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE IN (SELECT ENGINE FROM information_schema.ENGINES "
    "WHERE TRANSACTIONS = 'YES') ORDER BY 1, 2";

static const char KEYS_TEXT[] =
    " by CASCADE or SET NULL, which the server does not write into "
    "its binlog: such changes are not read; make the keys RESTRICT and change the rows by "
    "statements of your own";

typedef struct Notice {
    Buffer text; /* "s.t (detail), …" */
    int32_t count;
} Notice;

static void notice_add(Notice *notice, Str database, Str name, Str detail)
{
    if (notice->count++ < NAMES_SHOWN)
        buffer_printf(&notice->text, "%s%.*s.%.*s (%.*s)", notice->count > 1 ? ", " : "",
                      STR_ARGS(database), STR_ARGS(name), STR_ARGS(detail));
}

static void notice_tell(Notice *notice, const char *before, const char *behind)
{
    if (notice->count > NAMES_SHOWN)
        buffer_printf(&notice->text, " and %d more", notice->count - NAMES_SHOWN);
    if (notice->count > 0)
        log_event(LOG_WARN, "mysql-cdc", "%s%s%s", before, buffer_terminated(&notice->text),
                  behind);
    buffer_free(&notice->text);
}

/* Rows (Str *, of FIELDS) of the query about tables that are read. */
static Status read_tables(MysqlSource *source, Arena *arena, const char *sql, List *out,
                          Error *error)
{
    int32_t columns = 0;
    Str row[FIELDS];
    TRY(mysql_client_query(&source->client, str_from(sql), &columns, error));
    Status status;
    while ((status = mysql_client_fetch(&source->client, row, FIELDS, error)) == OK) {
        if (!table_filter_matches(source->filter, row[SCHEMA], row[NAME]))
            continue;
        Str *kept = ARENA_ARRAY(arena, Str, FIELDS);
        for (int32_t i = 0; i < FIELDS; i++)
            kept[i] = str_copy(arena, row[i]);
        list_append(out, arena, kept);
    }
    return status == ERR_END ? OK : status;
}

static Status notice_engines(MysqlSource *source, Arena *arena, Error *error)
{
    Notice notice = {0};
    List tables = {0};
    TRY(read_tables(source, arena, ENGINES_SQL, &tables, error));
    for (int32_t i = 0; i < tables.count; i++) {
        const Str *row = LIST_AT(tables, i, Str);
        notice_add(&notice, row[SCHEMA], row[NAME], row[DETAIL]);
    }
    notice_tell(&notice, "the engine of ", ENGINES_TEXT);
    return OK;
}

/* The foreign keys of a CREATE TABLE as the server prints it, each on a line of its own. */
static void notice_add_keys(Notice *notice, const Str *row, Str create)
{
    static const char *const rules[] = {" ON DELETE CASCADE", " ON DELETE SET NULL",
                                        " ON UPDATE CASCADE", " ON UPDATE SET NULL"};
    while (create.length > 0) {
        Str line = str_trim(str_split(create, '\n', &create));
        bool is_key = str_has_prefix(line, STR("CONSTRAINT `")) &&
                      str_find(line, STR("` FOREIGN KEY (")) >= 0;
        bool acts = false;
        for (size_t i = 0; is_key && i < sizeof rules / sizeof *rules; i++)
            acts |= str_find(line, str_from(rules[i])) >= 0;
        if (!acts)
            continue;
        Str rest;
        (void)str_split(line, '`', &rest);
        notice_add(notice, row[SCHEMA], row[NAME], str_split(rest, '`', &rest));
    }
}

static Status notice_keys(MysqlSource *source, Arena *arena, Error *error)
{
    MysqlClient *client = &source->client;
    Notice notice = {0};
    List tables = {0};
    Status status = read_tables(source, arena, TABLES_SQL, &tables, error);
    for (int32_t i = 0; i < tables.count && status == OK; i++) {
        const Str *row = LIST_AT(tables, i, Str);
        Str shown[2];
        Buffer sql = {0};
        buffer_append_text(&sql, "SHOW CREATE TABLE ");
        mysql_append_name(&sql, row[SCHEMA]);
        buffer_append_char(&sql, '.');
        mysql_append_name(&sql, row[NAME]);
        status = mysql_client_row(client, arena, buffer_terminated(&sql), shown, 2, error);
        buffer_free(&sql);
        if (status == OK)
            notice_add_keys(&notice, row, shown[1]);
        else if (client->last_code != 0) /* it is gone, or not to be seen */
            status = OK;
    }
    notice_tell(&notice, "foreign keys change rows of ", KEYS_TEXT);
    return status;
}

Status mysql_notice_tables(MysqlSource *source, Error *error)
{
    StartMode mode = source->options.mode;
    bool has_snapshot = mode == START_INITIAL || mode == START_SNAPSHOT;
    Arena *arena = arena_new(0);
    Status status = OK;
    if (has_snapshot)
        status = notice_engines(source, arena, error);
    if (status == OK && mode != START_SNAPSHOT)
        status = notice_keys(source, arena, error);
    arena_free(arena);
    return status;
}
