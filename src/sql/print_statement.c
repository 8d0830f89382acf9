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
    if (object->language.length > 0) {
        buffer_append_text(out, " LANGUAGE ");
        print_upper(out, object->language);
    }
    if (object->options.count > 0) {
        buffer_append_text(out, " WITH ");
        print_options(out, object->options);
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
        for (int32_t i = 0; i < alter->keys.count; i++) {
            buffer_append_text(out, i > 0 ? ", " : " RESET (");
            sql_print_string(out, LIST_AT(alter->keys, i, SqlOption)->key);
        }
        buffer_append_char(out, ')');
        break;
    case SQL_ALTER_AS:
        buffer_append_text(out, " AS ");
        sql_print_query(out, alter->query);
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
    buffer_printf(out, "ALTER %s %s", print_object_name(alter->object),
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
        [SQL_SHOW_JOBS] = "JOBS",
        [SQL_SHOW_CREATE_TABLE] = "CREATE TABLE",
        [SQL_SHOW_CREATE_VIEW] = "CREATE VIEW",
        [SQL_SHOW_CREATE_MATERIALIZED_TABLE] = "CREATE MATERIALIZED TABLE",
    };
    bool is_create = show->kind >= SQL_SHOW_CREATE_TABLE;
    buffer_printf(out, "SHOW %s%s", show->is_user ? "USER " : "", texts[show->kind]);
    if (show->name != NULL) {
        buffer_append_text(out, is_create ? " " : " FROM ");
        print_path(out, show->name);
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
    for (int32_t i = 0; i < insert->partition.count; i++) {
        const SqlPartitionValue *value = LIST_AT(insert->partition, i, SqlPartitionValue);
        buffer_append_text(out, i > 0 ? ", " : " PARTITION (");
        sql_print_name(out, value->column.text);
        if (value->value != NULL) {
            buffer_append_text(out, " = ");
            sql_print_expr(out, value->value);
        }
    }
    buffer_append_text(out, insert->partition.count > 0 ? ")" : "");
    if (insert->columns.count > 0) {
        buffer_append_char(out, ' ');
        print_names(out, insert->columns);
    }
    buffer_append_char(out, ' ');
    sql_print_query(out, insert->query);
}

static void print_statement_set(Buffer *out, List inserts)
{
    buffer_append_text(out, "EXECUTE STATEMENT SET BEGIN\n");
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
    sql_print_statement(out, explain->statement);
}

static void print_use(Buffer *out, const SqlUse *use)
{
    buffer_append_text(out, use->object == SQL_OBJECT_CATALOG ? "USE CATALOG " : "USE ");
    print_path(out, use->name);
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
    case SQL_USE: print_use(out, &statement->use); break;
    case SQL_SHOW: print_show(out, statement->show); break;
    case SQL_DESCRIBE: print_describe(out, &statement->describe); break;
    case SQL_INSERT: print_insert(out, statement->insert); break;
    case SQL_STATEMENT_SET: print_statement_set(out, statement->inserts); break;
    case SQL_QUERY: sql_print_query(out, statement->query); break;
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
