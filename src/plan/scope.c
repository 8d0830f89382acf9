/* Names: which column of which relation, of this query or of one around it. */
#include <assert.h>

#include "plan/match.h"

enum { OUTER_STRIDE = 1 << 20 };

/* ---- Outer columns --------------------------------------------------------------------- */

Expr *expr_outer_column(Arena *arena, int32_t depth, int32_t column, Type type)
{
    assert(depth >= 0 && column >= 0 && column < OUTER_STRIDE);
    return expr_column(arena, depth * OUTER_STRIDE + column, type);
}

int32_t expr_outer_depth(const Expr *column)
{
    assert(column->kind == EXPR_COLUMN);
    return column->column / OUTER_STRIDE;
}

int32_t expr_outer_index(const Expr *column)
{
    assert(column->kind == EXPR_COLUMN);
    return column->column % OUTER_STRIDE;
}

bool expr_has_outer(const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN)
        return expr->column >= OUTER_STRIDE;
    for (int32_t i = 0; i < expr->arg_count; i++) {
        if (expr_has_outer(expr->args[i]))
            return true;
    }
    return false;
}

/* ---- Making scopes --------------------------------------------------------------------- */

Scope scope_of(Planner *planner, Str alias, Str path, const Schema *schema)
{
    Scope scope = {.schema = *schema, .table_count = 1, .column_count = schema->count};
    scope.tables = ARENA_ARRAY(planner->arena, ScopeTable, 1);
    scope.tables[0] = (ScopeTable){.alias = alias, .path = path, .count = schema->count};
    scope.columns = ARENA_ARRAY(planner->arena, ScopeColumn, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++) {
        Type type = schema->fields[i].type;
        scope.columns[i] = (ScopeColumn){.name = schema->fields[i].name};
        scope.columns[i].expr = expr_column(planner->arena, i, type);
    }
    return scope;
}

/* The columns of right are counted behind those of left. */
static void scope_shift(Planner *planner, Scope *scope, const Scope *right, int32_t by)
{
    Expr **shifted = rel_columns_at(planner, &right->schema, by);
    int32_t table_base = scope->table_count;
    for (int32_t i = 0; i < right->table_count; i++) {
        scope->tables[table_base + i] = right->tables[i];
        scope->tables[table_base + i].first += by;
    }
    for (int32_t i = 0; i < right->column_count; i++) {
        ScopeColumn *column = &scope->columns[scope->column_count + i];
        *column = right->columns[i];
        column->expr = expr_substitute(planner->arena, column->expr, shifted);
        if (column->table >= 0)
            column->table += table_base;
    }
    scope->table_count += right->table_count;
    scope->column_count += right->column_count;
}

Scope scope_join(Planner *planner, const Scope *left, const Scope *right)
{
    Arena *arena = planner->arena;
    Scope scope = {.schema = schema_concat(arena, &left->schema, &right->schema),
                   .outer = left->outer};
    scope.is_broken = left->is_broken || right->is_broken;
    scope.tables = ARENA_ARRAY(arena, ScopeTable, left->table_count + right->table_count);
    scope.columns = ARENA_ARRAY(arena, ScopeColumn, left->column_count + right->column_count + 1);
    scope.table_count = left->table_count;
    scope.column_count = left->column_count;
    for (int32_t i = 0; i < left->table_count; i++)
        scope.tables[i] = left->tables[i];
    for (int32_t i = 0; i < left->column_count; i++)
        scope.columns[i] = left->columns[i];
    scope_shift(planner, &scope, right, left->schema.count);
    return scope;
}

void scope_retype(Planner *planner, Scope *scope, const Schema *schema)
{
    assert(schema->count >= scope->schema.count);
    Expr **columns = rel_columns(planner, schema);
    ScopeColumn *retyped = ARENA_ARRAY(planner->arena, ScopeColumn, scope->column_count + 1);
    for (int32_t i = 0; i < scope->column_count; i++) {
        retyped[i] = scope->columns[i];
        retyped[i].expr = expr_substitute(planner->arena, retyped[i].expr, columns);
    }
    scope->columns = retyped;
    scope->schema = *schema;
}

void scope_merge_column(Planner *planner, Scope *scope, Str name, Expr *expr, int32_t index)
{
    ScopeColumn *columns = ARENA_ARRAY(planner->arena, ScopeColumn, scope->column_count + 1);
    int32_t count = index;
    assert(index <= scope->column_count);
    for (int32_t i = 0; i < index; i++)
        columns[i] = scope->columns[i];
    columns[count++] = (ScopeColumn){.name = name, .expr = expr, .table = -1};
    for (int32_t i = index; i < scope->column_count; i++) {
        if (!str_equal(scope->columns[i].name, name))
            columns[count++] = scope->columns[i];
    }
    scope->columns = columns;
    scope->column_count = count;
}

/* ---- Finding --------------------------------------------------------------------------- */

int32_t scope_find(const Scope *scope, Str name, const ScopeColumn **out)
{
    int32_t count = 0;
    for (int32_t i = 0; i < scope->column_count; i++) {
        if (!str_equal(scope->columns[i].name, name))
            continue;
        if (count == 0)
            *out = &scope->columns[i];
        count++;
    }
    return count;
}

static bool table_has_path(const ScopeTable *table, Str path)
{
    if (table->path.data == NULL || !str_has_suffix(table->path, path))
        return false;
    return path.length == table->path.length ||
           table->path.data[table->path.length - path.length - 1] == '.';
}

const ScopeTable *scope_find_table(Planner *planner, const Scope *scope, const SqlPath *path,
                                   int32_t part_count)
{
    assert(part_count > 0 && part_count <= path->parts.count);
    if (part_count > 3)
        return NULL;
    SqlPath qualifier = *path;
    qualifier.parts.count = part_count;
    Str text = sql_path_text(planner->arena, &qualifier);
    for (int32_t i = 0; i < scope->table_count; i++) {
        const ScopeTable *table = &scope->tables[i];
        if (part_count == 1 && table->alias.data != NULL) {
            if (str_equal(LIST_AT(path->parts, 0, SqlName)->text, table->alias))
                return table;
        } else if (table_has_path(table, text)) {
            return table;
        }
    }
    return NULL;
}

/* ---- Reports --------------------------------------------------------------------------- */

static Expr *column_poison(ExprBinder *binder, Span span)
{
    Expr *expr = expr_poison(binder->planner->arena);
    expr->span_start = span.start;
    expr->span_end = span.end;
    return expr;
}

/* FROM orders LEFFT JOIN …: the misspelt word has become the alias of orders. */
static void suggest_join(Diagnostic *d, const Str *aliases, int32_t count)
{
    static const Str words[] = {STR("LEFT"),  STR("RIGHT"), STR("FULL"),
                                STR("INNER"), STR("CROSS"), STR("NATURAL")};
    enum { WORD_COUNT = sizeof words / sizeof words[0] };
    for (int32_t i = 0; i < count * WORD_COUNT && d->suggestions.count == 0; i++) {
        Str alias = aliases[i / WORD_COUNT];
        if (alias.length > 2 && str_edit_distance(alias, words[i % WORD_COUNT], 1) <= 1)
            diagnostic_suggest(d, &words[i % WORD_COUNT], 1, alias);
    }
}

void scope_report_table(Planner *planner, const Scope *scope, const SqlPath *path,
                        int32_t part_count, Span span)
{
    SqlPath table = *path;
    table.parts.count = part_count;
    Str text = sql_path_text(planner->arena, &table);
    Diagnostic *d = REPORT(planner, "WR2040", span, "table `%.*s` is not in FROM", STR_ARGS(text));
    Str *names = ARENA_ARRAY(planner->arena, Str, scope->table_count + 1);
    int32_t count = 0;
    Buffer list = {0};
    for (int32_t i = 0; i < scope->table_count; i++) {
        if (scope->tables[i].alias.data == NULL)
            continue;
        names[count++] = scope->tables[i].alias;
        buffer_printf(&list, "%s`%.*s`", count > 1 ? ", " : "", STR_ARGS(scope->tables[i].alias));
    }
    diagnostic_suggest(d, names, count, text);
    suggest_join(d, names, count);
    if (count > 0)
        diagnostic_note(d, "FROM has %s", buffer_terminated(&list));
    buffer_free(&list);
}

/* Misspelt words that look like columns, as the one of SELECT DISTICT a, which has become its
 * alias. */
static void suggest_word(Diagnostic *d, Str name)
{
    static const Str words[] = {
        STR("DISTINCT"),     STR("NULL"),           STR("TRUE"),      STR("FALSE"),
        STR("CURRENT_DATE"), STR("CURRENT_TIME"),   STR("LOCALTIME"), STR("CURRENT_TIMESTAMP"),
        STR("UNBOUNDED"),    STR("LOCALTIMESTAMP"), STR("CURRENT"),   STR("ARRAY"),
        STR("MAP"),
    };
    if (d->suggestions.count == 0)
        diagnostic_suggest(d, words, sizeof words / sizeof words[0], name);
}

/* The columns of one relation, or of all of them when there are several. */
static void report_no_column(Planner *planner, const Scope *scope, const ScopeTable *table,
                             Str name, Span span)
{
    if (table == NULL && scope->table_count == 1)
        table = &scope->tables[0];
    Schema schema = scope->schema;
    Diagnostic *d;
    if (table != NULL && table->alias.data != NULL) {
        d = REPORT(planner, "WR2041", span, "column `%.*s` not found in table `%.*s`",
                   STR_ARGS(name), STR_ARGS(table->alias));
        diagnostic_label(d, "not a column of `%.*s`", STR_ARGS(table->alias));
    } else {
        d = REPORT(planner, "WR2041", span, "column `%.*s` not found", STR_ARGS(name));
    }
    if (table != NULL)
        schema = (Schema){.fields = schema.fields + table->first, .count = table->count};
    diagnostic_suggest_columns(planner, d, &schema, name);
    suggest_word(d, name);
    if (table != NULL) {
        diagnostic_note_columns(d, &schema);
        return;
    }
    for (int32_t i = 0; i < scope->table_count; i++)
        diagnostic_note_table(d, scope->tables[i].alias, scope->tables[i].first,
                              scope->tables[i].count, &scope->schema);
}

static Expr *column_ambiguous(ExprBinder *binder, const Scope *scope, Str name, Span span)
{
    Diagnostic *d =
        REPORT(binder->planner, "WR2050", span, "column `%.*s` is ambiguous", STR_ARGS(name));
    Buffer list = {0};
    int32_t count = 0, last = -1;
    bool is_named_twice = false;
    for (int32_t i = 0; i < scope->column_count; i++) {
        int32_t at = scope->columns[i].table;
        if (!str_equal(scope->columns[i].name, name) || at < 0)
            continue;
        is_named_twice |= at == last || scope->tables[at].alias.data == NULL;
        last = at;
        buffer_printf(&list, "%s`%.*s.%.*s`", count++ > 0 ? " or " : "",
                      STR_ARGS(scope->tables[at].alias), STR_ARGS(name));
    }
    if (is_named_twice)
        diagnostic_help(d, "give one of the two another name in a view or subquery");
    else
        diagnostic_help(d, "write %s", buffer_terminated(&list));
    buffer_free(&list);
    return column_poison(binder, span);
}

/* ---- Binding --------------------------------------------------------------------------- */

/* What a name means in one scope. */
typedef struct ColumnHit {
    bool is_found;     /* expr is set, or a report was made */
    Expr *expr;        /* over the scope */
    int32_t part_used; /* parts of the path up to the column; the others are fields */
} ColumnHit;

/* A column of one relation: its name may stand in it twice. */
static Expr *table_column(ExprBinder *binder, const Scope *scope, const ScopeTable *table, Str name,
                          Span span)
{
    Expr *found = NULL;
    for (int32_t i = table->first; i < table->first + table->count; i++) {
        if (!str_equal(scope->schema.fields[i].name, name))
            continue;
        if (found != NULL)
            return column_ambiguous(binder, scope, name, span);
        found = expr_column(binder->planner->arena, i, scope->schema.fields[i].type);
    }
    return found;
}

static ColumnHit scope_hit(ExprBinder *binder, const Scope *scope, const SqlPath *path, Span span)
{
    ColumnHit hit = {0};
    for (int32_t parts = path->parts.count - 1; parts > 0; parts--) {
        const ScopeTable *table = scope_find_table(binder->planner, scope, path, parts);
        if (table == NULL)
            continue;
        Str name = LIST_AT(path->parts, parts, SqlName)->text;
        hit.part_used = parts + 1;
        hit.expr = table->is_broken ? column_poison(binder, span)
                                    : table_column(binder, scope, table, name, span);
        hit.is_found = true;
        HiddenField hidden = scope_hidden_field(scope, table, name);
        if (hit.expr == NULL && hidden.count > 0)
            hit.expr = bind_hidden_field(binder, &hidden, name, span);
        if (hit.expr == NULL)
            report_no_column(binder->planner, scope, table, name, span);
        if (hit.expr == NULL)
            hit.expr = column_poison(binder, span);
        return hit;
    }
    Str name = LIST_AT(path->parts, 0, SqlName)->text;
    const ScopeColumn *column = NULL;
    int32_t count = scope_find(scope, name, &column);
    hit.part_used = 1;
    hit.is_found = count > 0 || scope->is_broken;
    if (count > 1)
        hit.expr = column_ambiguous(binder, scope, name, span);
    else if (count == 1)
        hit.expr = column->expr;
    else if (scope->is_broken)
        hit.expr = column_poison(binder, span);
    if (count == 1 && column->table < 0 && portable_is_ambiguous(binder->place))
        EXTENSION(binder->planner, USING_COLUMN, span,
                  str_terminated(binder->planner->arena, name));
    HiddenField hidden = scope_hidden_field(scope, NULL, name);
    if (count == 1 && hidden.count > 0 && hidden.column->table != column->table)
        EXTENSION(binder->planner, FIELD_OR_COLUMN, span,
                  str_terminated(binder->planner->arena, name));
    if (!hit.is_found && hidden.count > 0) {
        hit.is_found = true;
        hit.expr = bind_hidden_field(binder, &hidden, name, span);
    }
    return hit;
}

static Expr *column_not_found(ExprBinder *binder, const SqlPath *path, Span span)
{
    Planner *planner = binder->planner;
    const Scope *scope = binder->scope;
    while (scope != NULL && scope->table_count == 0 && scope->outer != NULL)
        scope = scope->outer; /* UNNEST has no names but those on its left */
    Str name = sql_path_last(path)->text;
    if (scope == NULL || scope->table_count == 0) {
        const char *place = scope == NULL ? binder->place : "SELECT without FROM";
        Diagnostic *d = REPORT(planner, "WR2045", span,
                               "column `%.*s` cannot be used here: %s takes constants only",
                               STR_ARGS(name), place);
        suggest_word(d, name);
        if (str_is(str_from(place), "SELECT without FROM"))
            diagnostic_help(d, "say where it comes from: FROM table");
    } else if (path->parts.count > 1)
        scope_report_table(planner, scope, path, path->parts.count - 1, span);
    else
        report_no_column(planner, scope, NULL, name, span);
    return column_poison(binder, span);
}

/* The expression as it is seen `depth` scopes further in. */
static Expr *expr_deepen(Planner *planner, Expr *expr, const Schema *schema, int32_t depth)
{
    if (depth == 0)
        return expr;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        columns[i] = expr_outer_column(planner->arena, depth, i, schema->fields[i].type);
    return expr_substitute(planner->arena, expr, columns);
}

/* The item of SELECT with this name, or NULL. */
static Expr *column_alias(ExprBinder *binder, const SqlPath *path, Span span)
{
    const SelectAliases *aliases = binder->aliases;
    const ScopeColumn *column;
    Str name = sql_path_last(path)->text;
    if (aliases == NULL || path->parts.count != 1 ||
        (!aliases->come_first && (scope_find(binder->scope, name, &column) > 0 ||
                                  scope_hidden_field(binder->scope, NULL, name).count > 0)))
        return NULL;
    for (int32_t i = 0; i < aliases->count; i++) {
        if (!str_equal(aliases->names[i], name))
            continue;
        Expr *expr = arena_copy(binder->planner->arena, aliases->exprs[i],
                                (int64_t)sizeof *aliases->exprs[i]);
        expr->span_start = span.start;
        expr->span_end = span.end;
        return expr;
    }
    return NULL;
}

Expr *bind_column(ExprBinder *binder, const SqlPath *path, Span span)
{
    if (binder->match != NULL)
        return match_bind_column(binder, path, span);
    Arena *arena = binder->planner->arena;
    int32_t depth = 0;
    Expr *alias = column_alias(binder, path, span);
    if (alias != NULL)
        return alias;
    for (const Scope *scope = binder->scope; scope != NULL; scope = scope->outer, depth++) {
        ColumnHit hit = scope_hit(binder, scope, path, span);
        if (!hit.is_found)
            continue;
        if (expr_is_poison(hit.expr))
            return column_poison(binder, span);
        Expr *expr = expr_deepen(binder->planner, hit.expr, &scope->schema, depth);
        expr = arena_copy(arena, expr, (int64_t)sizeof *expr);
        expr->span_start = span.start;
        expr->span_end = span.end;
        for (int32_t i = hit.part_used; i < path->parts.count; i++)
            expr = bind_field(binder, expr, LIST_AT(path->parts, i, SqlName), span);
        return expr;
    }
    return column_not_found(binder, path, span);
}
