/* Where statements end, for who reads text a line at a time. */
#include "sql/internal.h"

/* `;` within BEGIN … END is no end; an END may also be that of a CASE. */
int64_t sql_statements_end(Str text)
{
    Arena *arena = arena_new(0);
    Source source = {.name = "", .text = text, .allows_open_end = true};
    Diagnostics *ignored = diagnostics_new(arena, &source);
    Tokens tokens;
    int64_t end = 0;
    int32_t begin_depth = 0, case_depth = 0;
    if (tokens_scan(&source, arena, ignored, &tokens) == OK) {
        for (int32_t i = 0; i < tokens.count; i++) {
            const Token *token = &tokens.items[i];
            bool is_word = token->kind == TOKEN_WORD;
            case_depth += is_word && token->keyword == KW_CASE;
            begin_depth += is_word && token->keyword == KW_BEGIN;
            if (is_word && token->keyword == KW_END) {
                begin_depth -= case_depth == 0 && begin_depth > 0;
                case_depth -= case_depth > 0;
            }
            if (token->kind != TOKEN_SEMICOLON || begin_depth > 0)
                continue;
            end = token->span.end;
            case_depth = 0;
        }
    }
    arena_free(arena);
    return end;
}

bool sql_is_blank(Str text)
{
    Arena *arena = arena_new(0);
    Source source = {.name = "", .text = text, .allows_open_end = true};
    Diagnostics *ignored = diagnostics_new(arena, &source);
    Tokens tokens;
    bool is_blank = tokens_scan(&source, arena, ignored, &tokens) == OK && tokens.count == 1;
    arena_free(arena);
    return is_blank;
}

Str sql_keyword_at(int32_t index)
{
    return index >= 0 && index < KEYWORD_END - 1 ? keyword_text((Keyword)(index + 1)) : (Str){0};
}
