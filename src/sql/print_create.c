/* Printing CREATE TABLE and CREATE MATERIALIZED TABLE in the layout of SHOW CREATE. */
#include <assert.h>

#include "sql/internal.h"

void print_options(Buffer *out, List options)
{
    buffer_append_text(out, "(\n");
    for (int32_t i = 0; i < options.count; i++) {
        const SqlOption *option = LIST_AT(options, i, SqlOption);
        buffer_append_text(out, i > 0 ? ",\n  " : "  ");
        sql_print_string(out, option->key);
        buffer_append_text(out, " = ");
        sql_print_string(out, option->value);
    }
    buffer_append_text(out, "\n)");
}

static void print_comment(Buffer *out, const SqlComment *comment)
{
    if (!comment->is_given)
        return;
    buffer_append_text(out, " COMMENT ");
    sql_print_string(out, comment->text);
}

static void print_column(Buffer *out, const SqlColumnDefinition *column)
{
    sql_print_name(out, column->name.text);
    buffer_append_char(out, ' ');
    if (column->kind == SQL_COLUMN_COMPUTED) {
        buffer_append_text(out, "AS ");
        sql_print_expr(out, column->computed);
    } else {
        print_sql_type(out, column->type);
    }
    if (column->kind == SQL_COLUMN_METADATA) {
        buffer_append_text(out, " METADATA");
        if (column->has_metadata_key) {
            buffer_append_text(out, " FROM ");
            sql_print_string(out, column->metadata_key);
        }
        buffer_append_text(out, column->is_virtual ? " VIRTUAL" : "");
    }
    print_comment(out, &column->comment);
    buffer_append_text(out, column->is_first ? " FIRST" : "");
    if (column->after != NULL) {
        buffer_append_text(out, " AFTER ");
        sql_print_name(out, column->after->text);
    }
}

static void print_primary_key(Buffer *out, const SqlPrimaryKey *key)
{
    if (key->constraint != NULL) {
        buffer_append_text(out, "CONSTRAINT ");
        sql_print_name(out, key->constraint->text);
        buffer_append_char(out, ' ');
    }
    buffer_append_text(out, "PRIMARY KEY ");
    print_names(out, key->columns);
    buffer_append_text(out, " NOT ENFORCED");
}

void print_table_elements(Buffer *out, const SqlCreateTable *table)
{
    const char *separator = "\n  ";
    for (int32_t i = 0; i < table->columns.count; i++) {
        buffer_append_text(out, separator);
        print_column(out, LIST_AT(table->columns, i, SqlColumnDefinition));
        separator = ",\n  ";
    }
    if (table->watermark != NULL) {
        buffer_append_text(out, separator);
        buffer_append_text(out, "WATERMARK FOR ");
        print_path(out, table->watermark->column);
        buffer_append_text(out, " AS ");
        sql_print_expr(out, table->watermark->expr);
        separator = ",\n  ";
    }
    if (table->primary_key != NULL) {
        buffer_append_text(out, separator);
        print_primary_key(out, table->primary_key);
    }
}

/* " BY HASH(`c`) INTO n BUCKETS" */
void sql_print_distribution(Buffer *out, const SqlDistribution *distribution)
{
    if (distribution->columns.count > 0) {
        buffer_append_text(out, " BY ");
        buffer_append_str(out, distribution->kind);
        print_names(out, distribution->columns);
    }
    if (distribution->buckets > 0)
        buffer_printf(out, " INTO %lld BUCKETS", (long long)distribution->buckets);
}

static void print_like_clause(Buffer *out, const SqlLike *like)
{
    buffer_append_text(out, "\nLIKE ");
    print_path(out, like->table);
    for (int32_t i = 0; i < like->options.count; i++) {
        const SqlLikeOption *option = LIST_AT(like->options, i, SqlLikeOption);
        buffer_append_text(out, i > 0 ? " " : " (");
        buffer_append_str(out, option->strategy);
        buffer_append_char(out, ' ');
        buffer_append_str(out, option->feature);
    }
    buffer_append_text(out, like->options.count > 0 ? ")" : "");
}

static void print_partitions(Buffer *out, List columns)
{
    if (columns.count == 0)
        return;
    buffer_append_text(out, "\nPARTITIONED BY ");
    print_names(out, columns);
}

static void print_with(Buffer *out, List options)
{
    if (options.count == 0)
        return;
    buffer_append_text(out, "\nWITH ");
    print_options(out, options);
}

void print_create_table(Buffer *out, const SqlCreateTable *table)
{
    if (table->is_replace)
        buffer_append_text(out,
                           table->is_or_create ? "CREATE OR REPLACE TABLE " : "REPLACE TABLE ");
    else
        buffer_append_text(out, table->is_temporary ? "CREATE TEMPORARY TABLE " : "CREATE TABLE ");
    buffer_append_text(out, table->if_not_exists ? "IF NOT EXISTS " : "");
    print_path(out, table->name);
    if (table->columns.count > 0 || table->watermark != NULL || table->primary_key != NULL) {
        buffer_append_text(out, " (");
        print_table_elements(out, table);
        buffer_append_text(out, "\n)");
    }
    print_comment(out, &table->comment);
    if (table->distribution != NULL) {
        buffer_append_text(out, "\nDISTRIBUTED");
        sql_print_distribution(out, table->distribution);
    }
    print_partitions(out, table->partitioned_by);
    print_with(out, table->options);
    if (table->like != NULL)
        print_like_clause(out, table->like);
    if (table->query != NULL) {
        buffer_append_text(out, "\nAS ");
        sql_print_query(out, table->query);
    }
}

void print_create_materialized(Buffer *out, const SqlCreateMaterializedTable *table)
{
    buffer_append_text(out, "CREATE MATERIALIZED TABLE ");
    buffer_append_text(out, table->if_not_exists ? "IF NOT EXISTS " : "");
    print_path(out, table->name);
    if (table->primary_key != NULL) {
        buffer_append_text(out, " (\n  ");
        print_primary_key(out, table->primary_key);
        buffer_append_text(out, "\n)");
    }
    print_comment(out, &table->comment);
    print_partitions(out, table->partitioned_by);
    print_with(out, table->options);
    if (table->freshness != NULL) {
        buffer_append_text(out, "\nFRESHNESS = ");
        sql_print_expr(out, table->freshness);
    }
    if (table->refresh_mode != SQL_REFRESH_UNSPECIFIED)
        buffer_append_text(out, table->refresh_mode == SQL_REFRESH_FULL
                                    ? "\nREFRESH_MODE = FULL"
                                    : "\nREFRESH_MODE = CONTINUOUS");
    buffer_append_text(out, "\nAS ");
    sql_print_query(out, table->query);
}
