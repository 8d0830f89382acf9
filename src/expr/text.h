/* UTF-8 by code points: what string functions and casts share. Bytes that are no UTF-8 count
 * as one character each, so that every text has a length and can be cut. */
#ifndef WEIR_EXPR_TEXT_H
#define WEIR_EXPR_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/str.h"

/* Bytes of the character that starts with this byte; 1 for a byte that starts none. */
static inline int32_t utf8_step(uint8_t lead)
{
    if (lead < 0xc2)
        return 1;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
}

bool text_is_ascii(Str text);

/* Characters in the text. */
int64_t text_length(Str text);

/* Byte position of the character `index` (>= 0), or the text's length if it has fewer. */
int64_t text_offset(Str text, int64_t index);

/* The first `characters`, borrowed. */
Str text_head(Str text, int64_t characters);

/* The code point at byte `at`, and its bytes in *step; U+FFFD for what is no UTF-8. */
uint32_t text_code_point(Str text, int64_t at, int32_t *step);

/* Write a code point (at most 4 bytes); returns how many. */
int32_t utf8_encode(uint32_t code, char *out);

bool text_is_valid(Str text);

/* Every byte that is no part of UTF-8 as U+FFFD. */
void text_repair(Buffer *out, Str text);

#endif
