/* Casts by kind of source and target; cast.c picks. TRY_CAST gives NULL where CAST rejects. */
#ifndef WEIR_EXPR_CAST_CAST_H
#define WEIR_EXPR_CAST_CAST_H

#include "expr/internal.h"

/* The row's text is not a value of the target, or too large for it. */
void cast_fail_text(Call *call, int32_t row, Str text);
void cast_fail_range(Call *call, int32_t row, Str text);

/* The session's zone; UTC where there is none. */
const TimeZone *eval_zone(const Eval *eval);

Kernel cast_number_kernel(Type from, Type to);   /* numbers, BOOLEAN and intervals */
Kernel cast_from_text_kernel(Type to);           /* text to anything but text */
Kernel cast_to_text_kernel(Type from, Type to);  /* anything to text; text and bytes cut, padded */
Kernel cast_temporal_kernel(Type from, Type to); /* DATE, TIME, timestamps */

/* Nested to nested, child by child; `prepared` is what cast_nested_prepare made. */
void cast_nested_kernel(Call *call);
void *cast_nested_prepare(Arena *arena, const Expr *call);

/* Java's Double.valueOf, without spaces around it: also a trailing d or f, and a point with digits
 * on one side only. */
bool text_to_real(Str text, double *out);
/* yyyy[-M[-d]], with whatever stands behind a space. */
bool text_to_date(Str text, int32_t *days);

/* The value stays as it lies in memory. */
bool cast_is_alias(Type from, Type to);

#endif
