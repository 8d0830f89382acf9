/* CREATE TABLE … LIKE: a definition merged from two.
 *
 * Each feature of the source is included, excluded or overwritten by what the new table says.
 * Columns of the source come first, in their order; an overwritten one keeps its place. */
#include <assert.h>

#include "plan/internal.h"

typedef enum LikeFeature {
    LIKE_CONSTRAINTS,
    LIKE_DISTRIBUTION,
    LIKE_PARTITIONS,
    LIKE_GENERATED,
    LIKE_METADATA,
    LIKE_OPTIONS,
    LIKE_WATERMARKS,
    LIKE_FEATURE_COUNT,
} LikeFeature;

static const char *const like_names[LIKE_FEATURE_COUNT] = {
    "CONSTRAINTS", "DISTRIBUTION", "PARTITIONS", "GENERATED", "METADATA", "OPTIONS", "WATERMARKS",
};

typedef enum LikeStrategy { LIKE_INCLUDING, LIKE_EXCLUDING, LIKE_OVERWRITING } LikeStrategy;

typedef struct LikeMerge {
    Planner *planner;
    const SqlCreateTable *base;
    const SqlCreateTable *own;
    SqlCreateTable *merged;
    LikeStrategy strategies[LIKE_FEATURE_COUNT];
    bool has_failed;
} LikeMerge;

static LikeStrategy like_strategy(Str word)
{
    if (str_is(word, "EXCLUDING"))
        return LIKE_EXCLUDING;
    return str_is(word, "OVERWRITING") ? LIKE_OVERWRITING : LIKE_INCLUDING;
}

/* INCLUDING ALL OVERWRITING OPTIONS unless told otherwise; a feature of its own beats ALL. */
static void like_read_options(LikeMerge *merge, const SqlLike *like)
{
    merge->strategies[LIKE_OPTIONS] = LIKE_OVERWRITING;
    for (int32_t i = 0; i < like->options.count; i++) {
        const SqlLikeOption *option = LIST_AT(like->options, i, SqlLikeOption);
        for (int32_t f = 0; str_is(option->feature, "ALL") && f < LIKE_FEATURE_COUNT; f++)
            merge->strategies[f] = like_strategy(option->strategy);
    }
    for (int32_t i = 0; i < like->options.count; i++) {
        const SqlLikeOption *option = LIST_AT(like->options, i, SqlLikeOption);
        for (int32_t f = 0; f < LIKE_FEATURE_COUNT; f++) {
            if (str_is(option->feature, like_names[f]))
                merge->strategies[f] = like_strategy(option->strategy);
        }
    }
}

static void like_clash(LikeMerge *merge, Span span, LikeFeature feature, const char *what)
{
    static const bool may_overwrite[LIKE_FEATURE_COUNT] = {
        [LIKE_GENERATED] = true,
        [LIKE_METADATA] = true,
        [LIKE_OPTIONS] = true,
        [LIKE_WATERMARKS] = true,
    };
    merge->has_failed = true;
    Diagnostic *d =
        REPORT(merge->planner, "WR2410", span, "the table behind LIKE already has %s", what);
    if (may_overwrite[feature])
        diagnostic_help(d, "write LIKE … (EXCLUDING %s), or (OVERWRITING %s) to replace it",
                        like_names[feature], like_names[feature]);
    else
        diagnostic_help(d, "write LIKE … (EXCLUDING %s)", like_names[feature]);
}

/* ---- Columns --------------------------------------------------------------------------- */

static bool like_takes_column(const LikeMerge *merge, const SqlColumnDefinition *column)
{
    switch (column->kind) {
    case SQL_COLUMN_PHYSICAL: return true;
    case SQL_COLUMN_COMPUTED: return merge->strategies[LIKE_GENERATED] != LIKE_EXCLUDING;
    case SQL_COLUMN_METADATA: return merge->strategies[LIKE_METADATA] != LIKE_EXCLUDING;
    }
    return true;
}

static const char *column_word(SqlColumnKind kind)
{
    switch (kind) {
    case SQL_COLUMN_PHYSICAL: return "physical";
    case SQL_COLUMN_COMPUTED: return "computed";
    case SQL_COLUMN_METADATA: return "metadata";
    }
    return "";
}

/* A column of the new table with the name of one that is included. */
static void like_overwrite(LikeMerge *merge, int32_t at, SqlColumnDefinition *column)
{
    const SqlColumnDefinition *old = LIST_AT(merge->merged->columns, at, SqlColumnDefinition);
    Planner *planner = merge->planner;
    if (column->kind == SQL_COLUMN_PHYSICAL || old->kind != column->kind) {
        merge->has_failed = true;
        Diagnostic *d = REPORT(planner, "WR2410", column->name.span,
                               "the table behind LIKE already has a column `%.*s`",
                               STR_ARGS(column->name.text));
        if (column->kind != SQL_COLUMN_PHYSICAL)
            diagnostic_note(d, "it is a %s column: a %s one can only overwrite its own kind",
                            column_word(old->kind), column_word(column->kind));
        else
            diagnostic_note(d, "all its physical columns are columns of the new table, too");
        return;
    }
    LikeFeature feature = column->kind == SQL_COLUMN_COMPUTED ? LIKE_GENERATED : LIKE_METADATA;
    if (merge->strategies[feature] == LIKE_OVERWRITING) {
        merge->merged->columns.items[at] = column;
        return;
    }
    like_clash(merge, column->name.span, feature,
               arena_printf(planner->arena, "a %s column `%.*s`", column_word(column->kind),
                            STR_ARGS(column->name.text)));
}

static int32_t columns_find(const List *columns, Str name)
{
    for (int32_t i = 0; i < columns->count; i++) {
        if (str_equal(LIST_AT(*columns, i, SqlColumnDefinition)->name.text, name))
            return i;
    }
    return -1;
}

static void like_merge_columns(LikeMerge *merge)
{
    Arena *arena = merge->planner->session->arena;
    List *columns = &merge->merged->columns;
    *columns = (List){0};
    for (int32_t i = 0; i < merge->base->columns.count; i++) {
        SqlColumnDefinition *column = LIST_AT(merge->base->columns, i, SqlColumnDefinition);
        if (like_takes_column(merge, column))
            list_append(columns, arena, column);
    }
    int32_t included = columns->count;
    for (int32_t i = 0; i < merge->own->columns.count; i++) {
        SqlColumnDefinition *column = LIST_AT(merge->own->columns, i, SqlColumnDefinition);
        int32_t at = columns_find(columns, column->name.text);
        if (at >= 0 && at < included)
            like_overwrite(merge, at, column);
        else
            list_append(columns, arena, column);
    }
}

/* ---- The rest -------------------------------------------------------------------------- */

static void like_merge_key(LikeMerge *merge)
{
    if (merge->strategies[LIKE_CONSTRAINTS] == LIKE_EXCLUDING || merge->base->primary_key == NULL)
        return;
    if (merge->own->primary_key != NULL)
        like_clash(merge, merge->own->primary_key->span, LIKE_CONSTRAINTS, "a primary key");
    merge->merged->primary_key = merge->base->primary_key;
}

static void like_merge_watermark(LikeMerge *merge)
{
    const SqlWatermark *own = merge->own->watermark;
    if (merge->strategies[LIKE_WATERMARKS] == LIKE_EXCLUDING || merge->base->watermark == NULL)
        return;
    if (own != NULL && merge->strategies[LIKE_WATERMARKS] == LIKE_OVERWRITING &&
        str_equal(sql_path_last(own->column)->text,
                  sql_path_last(merge->base->watermark->column)->text))
        return;
    if (own != NULL)
        like_clash(merge, own->span, LIKE_WATERMARKS, "a watermark");
    merge->merged->watermark = merge->base->watermark;
}

static void like_merge_layout(LikeMerge *merge)
{
    const SqlCreateTable *own = merge->own, *base = merge->base;
    if (merge->strategies[LIKE_PARTITIONS] != LIKE_EXCLUDING && base->partitioned_by.count > 0) {
        if (own->partitioned_by.count > 0)
            like_clash(merge, LIST_AT(own->partitioned_by, 0, SqlName)->span, LIKE_PARTITIONS,
                       "partitions");
        merge->merged->partitioned_by = base->partitioned_by;
    }
    if (merge->strategies[LIKE_DISTRIBUTION] != LIKE_EXCLUDING && base->distribution != NULL) {
        if (own->distribution != NULL)
            like_clash(merge, own->distribution->span, LIKE_DISTRIBUTION, "a distribution");
        merge->merged->distribution = base->distribution;
    }
}

static void like_merge_options(LikeMerge *merge)
{
    Arena *arena = merge->planner->session->arena;
    List *options = &merge->merged->options;
    *options = (List){0};
    for (int32_t i = 0;
         merge->strategies[LIKE_OPTIONS] != LIKE_EXCLUDING && i < merge->base->options.count; i++)
        list_append(options, arena, LIST_AT(merge->base->options, i, SqlOption));
    for (int32_t i = 0; i < merge->own->options.count; i++) {
        SqlOption *option = LIST_AT(merge->own->options, i, SqlOption);
        int32_t at = sql_options_find(options, option->key);
        if (at >= 0 && merge->strategies[LIKE_OPTIONS] == LIKE_INCLUDING)
            like_clash(
                merge, option->key_span, LIKE_OPTIONS,
                arena_printf(merge->planner->arena, "an option '%.*s'", STR_ARGS(option->key)));
        sql_options_put(options, arena, option);
    }
}

/* The definition behind LIKE; NULL after a report. */
static const SqlCreateTable *like_find_base(Planner *planner, const SqlLike *like)
{
    bool is_broken;
    const CatalogObject *object = catalog_find(planner, like->table, &is_broken);
    if (object == NULL || is_broken)
        return NULL;
    if (object->kind == OBJECT_TABLE)
        return object->table;
    Diagnostic *d = REPORT(planner, "WR2005", like->table->span, "`%.*s` is a %s",
                           STR_ARGS(object->name), object_word(object->kind));
    diagnostic_note(d, "LIKE takes the definition of a table");
    return NULL;
}

const SqlCreateTable *table_like(Planner *planner, const SqlCreateTable *create)
{
    assert(create->like != NULL);
    LikeMerge merge = {.planner = planner, .own = create};
    merge.base = like_find_base(planner, create->like);
    if (merge.base == NULL)
        return NULL;
    merge.merged = ARENA_NEW(planner->session->arena, SqlCreateTable);
    *merge.merged = *create;
    merge.merged->like = NULL;
    like_read_options(&merge, create->like);
    like_merge_columns(&merge);
    like_merge_key(&merge);
    like_merge_watermark(&merge);
    like_merge_layout(&merge);
    like_merge_options(&merge);
    return merge.has_failed ? NULL : merge.merged;
}
