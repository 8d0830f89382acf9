/* OVER (…) and the WINDOW clause: partitions, order, frames. */
#include <assert.h>

#include "sql/internal.h"

static bool window_parse_bound(Parser *parser, SqlBound *out)
{
    if (parser_accept_keyword(parser, KW_CURRENT)) {
        out->kind = SQL_CURRENT_ROW;
        return parser_expect_keyword(parser, KW_ROW, "behind CURRENT");
    }
    bool is_unbounded = parser_accept_keyword(parser, KW_UNBOUNDED);
    if (!is_unbounded) {
        out->offset = parse_expr(parser);
        if (out->offset == NULL)
            return false;
    }
    if (parser_accept_keyword(parser, KW_PRECEDING)) {
        out->kind = is_unbounded ? SQL_UNBOUNDED_PRECEDING : SQL_PRECEDING;
        return true;
    }
    out->kind = is_unbounded ? SQL_UNBOUNDED_FOLLOWING : SQL_FOLLOWING;
    return parser_expect_keyword(parser, KW_FOLLOWING, "or PRECEDING in the window frame");
}

/* ROWS | RANGE { BETWEEN bound AND bound | bound } */
static bool window_parse_frame(Parser *parser, SqlWindow *window)
{
    window->has_frame = true;
    window->is_rows = parser_next(parser)->keyword == KW_ROWS;
    if (!parser_accept_keyword(parser, KW_BETWEEN)) {
        window->to.kind = SQL_CURRENT_ROW;
        return window_parse_bound(parser, &window->from);
    }
    return window_parse_bound(parser, &window->from) &&
           parser_expect_keyword(parser, KW_AND, "between the bounds of the frame") &&
           window_parse_bound(parser, &window->to);
}

bool parse_window_specification(Parser *parser, SqlWindow *window)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the window"))
        return false;
    window->has_specification = true;
    if (parser_is_name(parser)) {
        window->base = parser_name_new(parser, "a window name");
        if (window->base == NULL)
            return false;
    }
    if (parser_accept_keyword(parser, KW_PARTITION) &&
        (!parser_expect_keyword(parser, KW_BY, "behind PARTITION") ||
         !parse_expr_list(parser, &window->partition_by)))
        return false;
    if (parser_is_keyword(parser, KW_ORDER) && !parse_order_by(parser, &window->order_by))
        return false;
    if ((parser_is_keyword(parser, KW_ROWS) || parser_is_keyword(parser, KW_RANGE)) &&
        !window_parse_frame(parser, window))
        return false;
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "at the end of the window");
}

SqlWindow *parse_over(Parser *parser)
{
    SqlWindow *window = ARENA_NEW(parser->arena, SqlWindow);
    Span start = parser_peek(parser)->span;
    if (parser_is_name(parser)) {
        window->name = parser_name_new(parser, "a window name");
        if (window->name == NULL)
            return NULL;
    } else if (!parse_window_specification(parser, window)) {
        return NULL;
    }
    window->span = parser_span_from(parser, start);
    return window;
}
