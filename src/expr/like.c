/* LIKE patterns. Most are a text with % at its ends and need one comparison or search; the
 * rest is matched with a single point of return: the last %, whose run grows by a character
 * each time what follows does not fit. */
#include "expr/like.h"

#include "expr/text.h"

typedef enum LikeKind {
    LIKE_EXACT,    /* abc */
    LIKE_PREFIX,   /* abc% */
    LIKE_SUFFIX,   /* %abc */
    LIKE_CONTAINS, /* %abc% */
    LIKE_GENERAL,
} LikeKind;

enum { TOKEN_ANY_RUN = 256, TOKEN_ANY_ONE };

struct LikePattern {
    LikeKind kind;
    Str literal; /* of all kinds but the last */
    /* Bytes, or one of the two above. */
    uint16_t *tokens;
    int64_t token_count;
};

/* The tokens between leading and trailing %, if they are all bytes, as a text. */
static void like_simplify(Arena *arena, LikePattern *like)
{
    int64_t first = 0;
    int64_t end = like->token_count;
    while (first < end && like->tokens[first] == TOKEN_ANY_RUN)
        first++;
    while (end > first && like->tokens[end - 1] == TOKEN_ANY_RUN)
        end--;
    for (int64_t i = first; i < end; i++)
        if (like->tokens[i] >= TOKEN_ANY_RUN)
            return;
    char *bytes = arena_allocate(arena, end - first + 1);
    for (int64_t i = first; i < end; i++)
        bytes[i - first] = (char)like->tokens[i];
    like->literal = str_make(bytes, end - first);
    bool is_open_front = first > 0;
    bool is_open_end = end < like->token_count;
    if (is_open_front)
        like->kind = is_open_end || first == like->token_count ? LIKE_CONTAINS : LIKE_SUFFIX;
    else
        like->kind = is_open_end ? LIKE_PREFIX : LIKE_EXACT;
}

LikePattern *like_compile(Arena *arena, Str pattern, int escape)
{
    LikePattern *like = ARENA_NEW(arena, LikePattern);
    like->kind = LIKE_GENERAL;
    like->tokens = ARENA_ARRAY(arena, uint16_t, pattern.length + 1);
    for (int64_t i = 0; i < pattern.length; i++) {
        uint8_t c = (uint8_t)pattern.data[i];
        uint16_t token = c;
        if (escape >= 0 && c == (uint8_t)escape && i + 1 < pattern.length)
            token = (uint8_t)pattern.data[++i];
        else if (c == '%')
            token = TOKEN_ANY_RUN;
        else if (c == '_')
            token = TOKEN_ANY_ONE;
        like->tokens[like->token_count++] = token;
    }
    like_simplify(arena, like);
    return like;
}

static bool like_matches_general(const LikePattern *like, Str text)
{
    int64_t token = 0;
    int64_t at = 0;
    int64_t run_token = -1; /* behind the last % */
    int64_t run_at = 0;     /* where its run ends at present */
    for (;;) {
        uint16_t next = token < like->token_count ? like->tokens[token] : UINT16_MAX;
        int32_t step = 1;
        if (next == TOKEN_ANY_RUN) {
            run_token = ++token;
            run_at = at;
            continue;
        }
        if (at == text.length && next == UINT16_MAX)
            return true;
        if (at < text.length && next == TOKEN_ANY_ONE)
            (void)text_code_point(text, at, &step);
        if (at < text.length && (next == TOKEN_ANY_ONE || next == (uint8_t)text.data[at])) {
            at += step;
            token++;
            continue;
        }
        if (run_token < 0 || run_at >= text.length)
            return false;
        (void)text_code_point(text, run_at, &step);
        run_at += step;
        at = run_at;
        token = run_token;
    }
}

bool like_matches(const LikePattern *like, Str text)
{
    switch (like->kind) {
    case LIKE_EXACT: return str_equal(text, like->literal);
    case LIKE_PREFIX: return str_has_prefix(text, like->literal);
    case LIKE_SUFFIX: return str_has_suffix(text, like->literal);
    case LIKE_CONTAINS: return str_find(text, like->literal) >= 0;
    case LIKE_GENERAL: break;
    }
    return like_matches_general(like, text);
}
