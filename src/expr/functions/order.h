/* The order of SQL values: what <, GREATEST and MIN share. Texts compare by unsigned bytes. */
#ifndef WEIR_EXPR_FUNCTIONS_ORDER_H
#define WEIR_EXPR_FUNCTIONS_ORDER_H

#include "expr/internal.h"

/* The first four bytes as a big-endian number: decides most comparisons of two texts. The
 * zero fill behind a shorter text sorts before every byte but is not told from a zero byte. */
static inline uint32_t str_view_head(const StrView *view)
{
    uint32_t head;
    memcpy(&head, view->prefix, sizeof head);
    return __builtin_bswap32(head);
}

static inline int str_view_compare(const StrView *a, const StrView *b)
{
    uint32_t head_a = str_view_head(a);
    uint32_t head_b = str_view_head(b);
    if (head_a != head_b)
        return head_a < head_b ? -1 : 1;
    return str_compare(str_view_str(a), str_view_str(b));
}

#endif
