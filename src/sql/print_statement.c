/* Printing statements other than CREATE TABLE. */
#include <assert.h>

#include "sql/internal.h"

static const char *print_object_name(SqlObjectKind kind)
{
    switch (kind) {
    case SQL_OBJECT_TABLE: return "TABLE";
    case SQL_OBJECT_VIEW: return "VIEW";
    case SQL_OBJECT_MATERIALIZED_TABLE: return "MATERIALIZED TABLE";
    case SQL_OBJECT_CATALOG: return "CATALOG";
    case SQL_OBJECT_DATABASE: return "DATABASE";
    case SQL_OBJECT_FUNCTION: return "FUNCTION";
    }
    assert(!"unknown object");
    return "";
}

static void print_setting(Buffer *out, const char *word, const SqlSetting *setting, bool has_value)
{
    buffer_append_text(out, word);
    if (!setting->has_key)
        return;
    buffer_append_char(out, ' ');
    sql_print_string(out, setting->option.key);
    if (has_value) {
        buffer_append_text(out, " = ");
        sql_print_string(out, setting->option.value);
    }
}

static void print_create_view(Buffer *out, const SqlCreateView *view)
{
    buffer_append_text(out, view->is_temporary ? "CREATE TEMPORARY VIEW " : "CREATE VIEW ");
    buffer_append_text(out, view->if_not_exists ? "IF NOT EXISTS " : "");
    print_path(out, view->name);
    if (view->columns.count > 0) {
        buffer_append_char(out, ' ');
        print_names(out, view->columns);
    }
    if (view->comment.is_given) {
        buffer_append_text(out, " COMMENT ");
        sql_print_string(out, view->comment.text);
    }
    buffer_append_text(out, " AS ");
    sql_print_query(out, view->query);
}

static void print_language(Buffer *out, Str language)
{
    if (language.length == 0)
        return;
    buffer_append_text(out, " LANGUAGE ");
    print_upper(out, language);
}

static void print_create_object(Buffer *out, const SqlCreateObject *object, const char *word)
{
    buffer_append_text(out, "CREATE ");
    buffer_append_text(out, object->is_temporary ? "TEMPORARY " : "");
    buffer_append_text(out, object->is_system ? "SYSTEM " : "");
    buffer_printf(out, "%s %s", word, object->if_not_exists ? "IF NOT EXISTS " : "");
    print_path(out, object->name);
    if (object->comment.is_given) {
        buffer_append_text(out, " COMMENT ");
        sql_print_string(out, object->comment.text);
    }
    if (object->identifier.data != NULL) {
        buffer_append_text(out, " AS ");
        sql_print_string(out, object->identifier);
    }
    print_language(out, object->language);
    for (int32_t i = 0; i < object->jars.count; i++) {
        buffer_append_text(out, i > 0 ? ", JAR " : " USING JAR ");
        sql_print_string(out, LIST_AT(object->jars, i, SqlOption)->key);
    }
    if (object->options.count > 0) {
        buffer_append_text(out, " WITH ");
        print_options(out, object->options);
    }
}

/* (`k` = v, `l`) */
static void print_partition_values(Buffer *out, List values)
{
    for (int32_t i = 0; i < values.count; i++) {
        const SqlPartitionValue *value = LIST_AT(values, i, SqlPartitionValue);
        buffer_append_text(out, i > 0 ? ", " : "(");
        sql_print_name(out, value->column.text);
        if (value->value != NULL) {
            buffer_append_text(out, " = ");
            sql_print_expr(out, value->value);
        }
    }
    buffer_append_char(out, ')');
}

/* PARTITION (`k` = v, …) */
static void print_partition(Buffer *out, const SqlPartition *partition)
{
    buffer_append_text(out, "PARTITION ");
    print_partition_values(out, partition->values);
    if (partition->options.count > 0) {
        buffer_append_text(out, " WITH ");
        print_options(out, partition->options);
    }
}

static void print_alter_parts(Buffer *out, const char *word, const SqlAlter *alter)
{
    buffer_append_text(out, word);
    buffer_append_text(out, alter->if_partition ? " IF NOT EXISTS" : "");
    for (int32_t i = 0; i < alter->partitions.count; i++) {
        buffer_append_char(out, ' ');
        print_partition(out, LIST_AT(alter->partitions, i, SqlPartition));
    }
    if (alter->parts != NULL && alter->parts->distribution != NULL) {
        buffer_append_text(out, " DISTRIBUTION");
        sql_print_distribution(out, alter->parts->distribution);
    } else if (alter->parts != NULL) {
        buffer_append_text(out, " (");
        print_table_elements(out, alter->parts);
        buffer_append_text(out, "\n)");
    }
}

static void print_alter_drop(Buffer *out, const SqlAlter *alter)
{
    const SqlAlterDrop *drop = &alter->drop;
    buffer_append_text(out, alter->if_partition ? " DROP IF EXISTS " : " DROP ");
    for (int32_t i = 0; i < alter->partitions.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        print_partition(out, LIST_AT(alter->partitions, i, SqlPartition));
    }
    if (drop->columns.count > 0)
        print_names(out, drop->columns);
    buffer_append_text(out, drop->has_primary_key ? "PRIMARY KEY" : "");
    buffer_append_text(out, drop->has_watermark ? "WATERMARK" : "");
    buffer_append_text(out, drop->has_distribution ? "DISTRIBUTION" : "");
    if (drop->constraint != NULL) {
        buffer_append_text(out, "CONSTRAINT ");
        sql_print_name(out, drop->constraint->text);
    }
}

static void print_alter_action(Buffer *out, const SqlAlter *alter)
{
    switch (alter->kind) {
    case SQL_ALTER_RENAME:
    case SQL_ALTER_RENAME_COLUMN:
        buffer_append_text(out, " RENAME ");
        if (alter->column != NULL) {
            sql_print_name(out, alter->column->text);
            buffer_append_char(out, ' ');
        }
        buffer_append_text(out, "TO ");
        print_path(out, alter->new_name);
        break;
    case SQL_ALTER_SET:
        buffer_append_text(out, " SET ");
        print_options(out, alter->options);
        break;
    case SQL_ALTER_RESET:
        buffer_append_text(out, " RESET (");
        for (int32_t i = 0; i < alter->keys.count; i++) {
            buffer_append_text(out, i > 0 ? ", " : "");
            sql_print_string(out, LIST_AT(alter->keys, i, SqlOption)->key);
        }
        buffer_append_char(out, ')');
        break;
    case SQL_ALTER_AS:
        buffer_append_text(out, " AS ");
        if (alter->query != NULL)
            sql_print_query(out, alter->query);
        else
            sql_print_string(out, alter->identifier);
        print_language(out, alter->language);
        break;
    case SQL_ALTER_ADD: print_alter_parts(out, " ADD", alter); break;
    case SQL_ALTER_MODIFY: print_alter_parts(out, " MODIFY", alter); break;
    case SQL_ALTER_DROP: print_alter_drop(out, alter); break;
    case SQL_ALTER_COMMENT:
        buffer_append_text(out, " COMMENT ");
        sql_print_string(out, alter->comment.text);
        break;
    case SQL_ALTER_SUSPEND: buffer_append_text(out, " SUSPEND"); break;
    case SQL_ALTER_REFRESH: buffer_append_text(out, " REFRESH"); break;
    case SQL_ALTER_RESUME:
        buffer_append_text(out, " RESUME");
        if (alter->options.count > 0) {
            buffer_append_text(out, " WITH ");
            print_options(out, alter->options);
        }
        break;
    }
}

static void print_alter(Buffer *out, const SqlAlter *alter)
{
    buffer_printf(out, "ALTER %s%s%s %s", alter->is_temporary ? "TEMPORARY " : "",
                  alter->is_system ? "SYSTEM " : "", print_object_name(alter->object),
                  alter->if_exists ? "IF EXISTS " : "");
    print_path(out, alter->name);
    print_alter_action(out, alter);
}

static void print_drop(Buffer *out, const SqlDrop *drop)
{
    buffer_append_text(out, "DROP ");
    buffer_append_text(out, drop->is_temporary ? "TEMPORARY " : "");
    buffer_append_text(out, drop->is_system ? "SYSTEM " : "");
    buffer_printf(out, "%s %s", print_object_name(drop->object),
                  drop->if_exists ? "IF EXISTS " : "");
    print_path(out, drop->name);
    buffer_append_text(out, drop->is_cascade ? " CASCADE" : "");
}

static void print_show(Buffer *out, const SqlShow *show)
{
    static const char *const texts[] = {
        [SQL_SHOW_CATALOGS] = "CATALOGS",
        [SQL_SHOW_CURRENT_CATALOG] = "CURRENT CATALOG",
        [SQL_SHOW_CURRENT_DATABASE] = "CURRENT DATABASE",
        [SQL_SHOW_DATABASES] = "DATABASES",
        [SQL_SHOW_TABLES] = "TABLES",
        [SQL_SHOW_VIEWS] = "VIEWS",
        [SQL_SHOW_MATERIALIZED_TABLES] = "MATERIALIZED TABLES",
        [SQL_SHOW_COLUMNS] = "COLUMNS",
        [SQL_SHOW_FUNCTIONS] = "FUNCTIONS",
        [SQL_SHOW_PROCEDURES] = "PROCEDURES",
        [SQL_SHOW_MODULES] = "MODULES",
        [SQL_SHOW_JARS] = "JARS",
        [SQL_SHOW_JOBS] = "JOBS",
        [SQL_SHOW_PARTITIONS] = "PARTITIONS",
        [SQL_SHOW_CREATE_TABLE] = "CREATE TABLE",
        [SQL_SHOW_CREATE_VIEW] = "CREATE VIEW",
        [SQL_SHOW_CREATE_MATERIALIZED_TABLE] = "CREATE MATERIALIZED TABLE",
        [SQL_SHOW_CREATE_CATALOG] = "CREATE CATALOG",
    };
    bool is_of_one = show->kind >= SQL_SHOW_PARTITIONS;
    buffer_printf(out, "SHOW %s%s%s", show->is_user ? "USER " : "", show->is_full ? "FULL " : "",
                  texts[show->kind]);
    if (show->name != NULL) {
        buffer_append_text(out, is_of_one ? " " : " FROM ");
        print_path(out, show->name);
    }
    if (show->partition != NULL) {
        buffer_append_char(out, ' ');
        print_partition(out, show->partition);
    }
    if (show->has_pattern) {
        buffer_append_text(out, show->is_negated ? " NOT" : "");
        buffer_append_text(out, show->is_case_insensitive ? " ILIKE " : " LIKE ");
        sql_print_string(out, show->pattern);
    }
}

static void print_describe(Buffer *out, const SqlDescribe *describe)
{
    buffer_append_text(out, "DESCRIBE ");
    if (describe->name == NULL) {
        buffer_append_text(out, "JOB ");
        sql_print_string(out, describe->job);
        return;
    }
    if (describe->object != SQL_OBJECT_TABLE)
        buffer_printf(out, "%s ", print_object_name(describe->object));
    buffer_append_text(out, describe->is_extended ? "EXTENDED " : "");
    print_path(out, describe->name);
}

static void print_insert(Buffer *out, const SqlInsert *insert)
{
    buffer_append_text(out, insert->is_overwrite ? "INSERT OVERWRITE " : "INSERT INTO ");
    print_path(out, insert->table);
    print_hints(out, insert->hints);
    if (insert->partition.count > 0) {
        buffer_append_text(out, " PARTITION ");
        print_partition_values(out, insert->partition);
    }
    if (insert->columns.count > 0) {
        buffer_append_char(out, ' ');
        print_names(out, insert->columns);
    }
    buffer_append_char(out, ' ');
    sql_print_query(out, insert->query);
    switch (insert->conflict) {
    case SQL_CONFLICT_UNSPECIFIED: break;
    case SQL_CONFLICT_NOTHING: buffer_append_text(out, " ON CONFLICT DO NOTHING"); break;
    case SQL_CONFLICT_DEDUPLICATE: buffer_append_text(out, " ON CONFLICT DO DEDUPLICATE"); break;
    case SQL_CONFLICT_ERROR: buffer_append_text(out, " ON CONFLICT DO ERROR"); break;
    }
}

static void print_statement_set(Buffer *out, List inserts)
{
    buffer_append_text(out, "STATEMENT SET BEGIN\n");
    for (int32_t i = 0; i < inserts.count; i++) {
        buffer_append_text(out, "  ");
        sql_print_statement(out, LIST_AT(inserts, i, SqlStatement));
        buffer_append_text(out, ";\n");
    }
    buffer_append_text(out, "END");
}

static void print_explain(Buffer *out, const SqlExplain *explain)
{
    static const char *const details[] = {"ESTIMATED_COST", "CHANGELOG_MODE", "JSON_EXECUTION_PLAN",
                                          "PLAN_ADVICE"};
    const char *separator = " ";
    buffer_append_text(out, "EXPLAIN");
    for (int32_t i = 0; i < 4; i++) {
        if ((explain->details & (1 << i)) == 0)
            continue;
        buffer_printf(out, "%s%s", separator, details[i]);
        separator = ", ";
    }
    buffer_append_char(out, ' ');
    /* Flink takes no EXECUTE behind EXPLAIN. */
    if (explain->statement->kind == SQL_STATEMENT_SET)
        print_statement_set(out, explain->statement->inserts);
    else
        sql_print_statement(out, explain->statement);
}

static void print_use(Buffer *out, const SqlUse *use)
{
    buffer_append_text(out, use->object == SQL_OBJECT_CATALOG ? "USE CATALOG " : "USE ");
    print_path(out, use->name);
}

static void print_module(Buffer *out, const SqlModule *module)
{
    static const char *const words[] = {
        [SQL_MODULE_LOAD] = "LOAD MODULE ",
        [SQL_MODULE_UNLOAD] = "UNLOAD MODULE ",
        [SQL_MODULE_USE] = "USE MODULES ",
    };
    buffer_append_text(out, words[module->action]);
    for (int32_t i = 0; i < module->names.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        sql_print_name(out, LIST_AT(module->names, i, SqlName)->text);
    }
    if (module->options.count > 0) {
        buffer_append_text(out, " WITH ");
        print_options(out, module->options);
    }
}

static void print_jar(Buffer *out, const SqlJar *jar)
{
    buffer_append_text(out, jar->is_removed ? "REMOVE JAR " : "ADD JAR ");
    sql_print_string(out, jar->path);
}

static void print_truncate(Buffer *out, const SqlPath *table)
{
    buffer_append_text(out, "TRUNCATE TABLE ");
    print_path(out, table);
}

static void print_stop_job(Buffer *out, const SqlStopJob *stop)
{
    buffer_append_text(out, "STOP JOB ");
    sql_print_string(out, stop->job);
    buffer_append_text(out, stop->with_savepoint ? " WITH SAVEPOINT" : "");
    buffer_append_text(out, stop->with_drain ? " WITH DRAIN" : "");
}

static void print_client(Buffer *out, SqlClient command)
{
    static const char *const words[] = {
        [SQL_CLIENT_QUIT] = "QUIT",
        [SQL_CLIENT_CLEAR] = "CLEAR",
        [SQL_CLIENT_HELP] = "HELP",
    };
    buffer_append_text(out, words[command]);
}

void sql_print_statement(Buffer *out, const SqlStatement *statement)
{
    switch (statement->kind) {
    case SQL_SET_OPTION: print_setting(out, "SET", &statement->setting, true); break;
    case SQL_RESET_OPTION: print_setting(out, "RESET", &statement->setting, false); break;
    case SQL_CREATE_TABLE: print_create_table(out, statement->create_table); break;
    case SQL_CREATE_VIEW: print_create_view(out, statement->create_view); break;
    case SQL_CREATE_MATERIALIZED_TABLE:
        print_create_materialized(out, statement->create_materialized_table);
        break;
    case SQL_CREATE_CATALOG: print_create_object(out, statement->create_object, "CATALOG"); break;
    case SQL_CREATE_DATABASE: print_create_object(out, statement->create_object, "DATABASE"); break;
    case SQL_CREATE_FUNCTION: print_create_object(out, statement->create_object, "FUNCTION"); break;
    case SQL_ALTER: print_alter(out, statement->alter); break;
    case SQL_DROP: print_drop(out, statement->drop); break;
    case SQL_TRUNCATE: print_truncate(out, statement->truncate); break;
    case SQL_USE: print_use(out, &statement->use); break;
    case SQL_MODULE: print_module(out, statement->module); break;
    case SQL_JAR: print_jar(out, &statement->jar); break;
    case SQL_STOP_JOB: print_stop_job(out, &statement->stop_job); break;
    case SQL_SHOW: print_show(out, statement->show); break;
    case SQL_DESCRIBE: print_describe(out, &statement->describe); break;
    case SQL_INSERT: print_insert(out, statement->insert); break;
    case SQL_STATEMENT_SET:
        buffer_append_text(out, "EXECUTE ");
        print_statement_set(out, statement->inserts);
        break;
    case SQL_QUERY: sql_print_query(out, statement->query); break;
    case SQL_CLIENT: print_client(out, statement->client); break;
    case SQL_EXPLAIN: print_explain(out, &statement->explain); break;
    }
}

void sql_print_script(Buffer *out, const SqlScript *script)
{
    for (int32_t i = 0; i < script->statements.count; i++) {
        sql_print_statement(out, LIST_AT(script->statements, i, SqlStatement));
        buffer_append_text(out, ";\n");
    }
}
