/* LIKE patterns: % is any run of characters, _ one character. */
#ifndef WEIR_EXPR_LIKE_H
#define WEIR_EXPR_LIKE_H

#include "base/arena.h"
#include "base/str.h"

typedef struct LikePattern LikePattern;

/* In the arena. `escape` is a character of one byte, or -1. */
LikePattern *like_compile(Arena *arena, Str pattern, int escape);

bool like_matches(const LikePattern *like, Str text);

#endif
