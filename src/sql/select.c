/* SELECT … FROM … WHERE … GROUP BY … HAVING … WINDOW … QUALIFY. */
#include <assert.h>

#include "sql/internal.h"

/* ---- Hints ---- */

static bool select_parse_hint_value(Parser *parser, Str *out, Span *span)
{
    if (parser_is_string(parser))
        return parser_parse_string(parser, "a value", out, span);
    const Token *token = parser_peek(parser);
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_EXACT) {
        parser_fail_expected(parser, "a value in single quotes");
        return false;
    }
    parser_next(parser);
    *out = parser_text(parser, token->span);
    *span = token->span;
    return true;
}

/* What stands in the parentheses of a hint: 'k' = 'v' pairs, or names. */
static bool select_parse_hint_items(Parser *parser, SqlHint *hint)
{
    do {
        if (parser_is_string(parser) || parser_peek_at(parser, 1)->kind == TOKEN_EQUAL) {
            SqlOption *option = ARENA_NEW(parser->arena, SqlOption);
            if (!select_parse_hint_value(parser, &option->key, &option->key_span) ||
                !parser_expect(parser, TOKEN_EQUAL, "behind the hint's key") ||
                !select_parse_hint_value(parser, &option->value, &option->value_span))
                return false;
            list_append(&hint->options, parser->arena, option);
        } else {
            SqlName *name = parser_name_new(parser, "a table name or a 'key' = 'value' pair");
            if (name == NULL)
                return false;
            list_append(&hint->names, parser->arena, name);
        }
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the hint");
}

bool parse_hints(Parser *parser, List *out)
{
    if (!parser_accept(parser, TOKEN_HINT))
        return true;
    do {
        SqlHint *hint = ARENA_NEW(parser->arena, SqlHint);
        if (!parser_parse_name(parser, "the name of a hint", &hint->name))
            return false;
        if (parser_accept(parser, TOKEN_LEFT_PAREN) && !parser_accept(parser, TOKEN_RIGHT_PAREN) &&
            !select_parse_hint_items(parser, hint))
            return false;
        list_append(out, parser->arena, hint);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_HINT_END, "behind the hints");
}

/* ---- Items ---- */

/* * or a.b.*; NULL if something else stands here. */
static SqlExpr *select_parse_star(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    int32_t parts = 0;
    while (parser_is_name_at(parser, parts * 2) &&
           parser_peek_at(parser, parts * 2 + 1)->kind == TOKEN_DOT)
        parts++;
    if (parser_peek_at(parser, parts * 2)->kind != TOKEN_STAR)
        return NULL;
    SqlPath *path = parts > 0 ? ARENA_NEW(parser->arena, SqlPath) : NULL;
    for (int32_t i = 0; i < parts; i++) {
        SqlName *part = parser_name_new(parser, "a table name");
        assert(part != NULL);
        list_append(&path->parts, parser->arena, part);
        path->span = parser_span_from(parser, start);
        parser_next(parser);
    }
    parser_next(parser);
    SqlExpr *star = expr_new(parser, SQL_STAR, parser_span_from(parser, start));
    star->star = path;
    return star;
}

static SqlSelectItem *select_parse_item(Parser *parser)
{
    SqlSelectItem *item = ARENA_NEW(parser->arena, SqlSelectItem);
    Span start = parser_peek(parser)->span;
    item->expr = select_parse_star(parser);
    bool is_star = item->expr != NULL;
    if (!is_star)
        item->expr = parse_expr(parser);
    if (item->expr == NULL)
        return NULL;
    bool has_as = !is_star && parser_accept_keyword(parser, KW_AS);
    if (has_as || (!is_star && parser_is_name(parser))) {
        item->alias = parser_name_new(parser, "an alias name");
        if (item->alias == NULL)
            return NULL;
    }
    item->span = parser_span_from(parser, start);
    return item;
}

static bool select_parse_items(Parser *parser, List *out)
{
    do {
        SqlSelectItem *item = select_parse_item(parser);
        if (item == NULL)
            return false;
        list_append(out, parser->arena, item);
    } while (parser_accept(parser, TOKEN_COMMA));
    const Token *token = parser_peek(parser);
    bool is_item = parser_is_name(parser) || parser_is_string(parser) ||
                   token->kind == TOKEN_EXACT || token->kind == TOKEN_DOUBLE;
    if (is_item) {
        parser_fail_expected(parser, "`,` or FROM behind the select list");
        return false;
    }
    return true;
}

/* ---- GROUP BY ---- */

static SqlGroup *select_parse_group(Parser *parser);

static bool select_parse_group_items(Parser *parser, SqlGroup *group)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the grouping columns"))
        return false;
    if (parser_accept(parser, TOKEN_RIGHT_PAREN))
        return true;
    do {
        SqlGroup *item = select_parse_group(parser);
        if (item == NULL)
            return false;
        list_append(&group->items, parser->arena, item);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the grouping column");
}

/* Does the parenthesis here hold a grouping list, not an expression such as (a + b) * 2? */
static bool select_is_group_list(const Parser *parser)
{
    if (!parser_is(parser, TOKEN_LEFT_PAREN) || parser_is_nested_query(parser))
        return false;
    const Token *at = parser_peek(parser);
    int32_t depth = 0;
    do {
        depth += at->kind == TOKEN_LEFT_PAREN;
        depth -= at->kind == TOKEN_RIGHT_PAREN;
        at++;
    } while (depth > 0 && at->kind != TOKEN_END);
    if (at->kind == TOKEN_COMMA || at->kind == TOKEN_RIGHT_PAREN || at->kind == TOKEN_SEMICOLON ||
        at->kind == TOKEN_END)
        return true;
    return at->kind == TOKEN_WORD &&
           (at->keyword == KW_HAVING || at->keyword == KW_ORDER || at->keyword == KW_LIMIT ||
            at->keyword == KW_UNION || at->keyword == KW_WINDOW || at->keyword == KW_QUALIFY ||
            at->keyword == KW_EXCEPT || at->keyword == KW_INTERSECT || at->keyword == KW_OFFSET ||
            at->keyword == KW_FETCH);
}

static bool select_parse_group_body(Parser *parser, SqlGroup *group)
{
    bool is_call = parser_peek_at(parser, 1)->kind == TOKEN_LEFT_PAREN;
    if (parser_is_keyword(parser, KW_ROLLUP) && is_call) {
        group->kind = SQL_GROUP_ROLLUP;
        parser_next(parser);
        return select_parse_group_items(parser, group);
    }
    if (parser_is_keyword(parser, KW_CUBE) && is_call) {
        group->kind = SQL_GROUP_CUBE;
        parser_next(parser);
        return select_parse_group_items(parser, group);
    }
    if (parser_accept_keywords(parser, KW_GROUPING, KW_SETS)) {
        group->kind = SQL_GROUPING_SETS;
        return select_parse_group_items(parser, group);
    }
    if (select_is_group_list(parser)) {
        group->kind = SQL_GROUP_LIST;
        if (!select_parse_group_items(parser, group))
            return false;
        if (group->items.count == 0)
            group->kind = SQL_GROUP_EMPTY;
        return true;
    }
    group->kind = SQL_GROUP_EXPR;
    group->expr = parse_expr(parser);
    return group->expr != NULL;
}

static SqlGroup *select_parse_group(Parser *parser)
{
    if (!parser_enter(parser))
        return NULL;
    SqlGroup *group = ARENA_NEW(parser->arena, SqlGroup);
    Span start = parser_peek(parser)->span;
    bool is_good = select_parse_group_body(parser, group);
    parser_leave(parser);
    group->span = parser_span_from(parser, start);
    /* (a) groups like a. */
    if (is_good && group->kind == SQL_GROUP_LIST && group->items.count == 1)
        return LIST_AT(group->items, 0, SqlGroup);
    return is_good ? group : NULL;
}

static bool select_parse_group_by(Parser *parser, SqlSelect *select)
{
    if (!parser_expect_keyword(parser, KW_BY, "behind GROUP"))
        return false;
    select->has_group_by = true;
    do {
        SqlGroup *group = select_parse_group(parser);
        if (group == NULL)
            return false;
        list_append(&select->group_by, parser->arena, group);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

/* ---- The clauses ---- */

static bool select_parse_windows(Parser *parser, List *out)
{
    do {
        SqlWindow *window = ARENA_NEW(parser->arena, SqlWindow);
        Span start = parser_peek(parser)->span;
        window->name = parser_name_new(parser, "a window name");
        if (window->name == NULL ||
            !parser_expect_keyword(parser, KW_AS, "behind the window name") ||
            !parse_window_specification(parser, window))
            return false;
        window->span = parser_span_from(parser, start);
        list_append(out, parser->arena, window);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

static bool select_parse_condition(Parser *parser, Keyword keyword, SqlExpr **out)
{
    if (!parser_accept_keyword(parser, keyword))
        return true;
    *out = parse_expr(parser);
    return *out != NULL;
}

static bool select_parse_clauses(Parser *parser, SqlSelect *select)
{
    if (parser_accept_keyword(parser, KW_FROM)) {
        select->from = parse_from(parser);
        if (select->from == NULL)
            return false;
    }
    if (!select_parse_condition(parser, KW_WHERE, &select->where))
        return false;
    if (parser_accept_keyword(parser, KW_GROUP) && !select_parse_group_by(parser, select))
        return false;
    if (!select_parse_condition(parser, KW_HAVING, &select->having))
        return false;
    if (parser_accept_keyword(parser, KW_WINDOW) && !select_parse_windows(parser, &select->windows))
        return false;
    Span span = parser_peek(parser)->span;
    if (parser_is_keyword(parser, KW_QUALIFY))
        extension_report(parser->diagnostics, EXTENSION_QUALIFY, span, NULL);
    return select_parse_condition(parser, KW_QUALIFY, &select->qualify);
}

SqlSelect *parse_select(Parser *parser)
{
    SqlSelect *select = ARENA_NEW(parser->arena, SqlSelect);
    select->span = parser_next(parser)->span;
    if (!parse_hints(parser, &select->hints))
        return NULL;
    if (parser_accept_keyword(parser, KW_DISTINCT))
        select->is_distinct = true;
    else
        parser_accept_keyword(parser, KW_ALL);
    if (!select_parse_items(parser, &select->items) || !select_parse_clauses(parser, select))
        return NULL;
    return select;
}
