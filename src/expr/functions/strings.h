/* What the string functions share. */
#ifndef WEIR_EXPR_FUNCTIONS_STRINGS_H
#define WEIR_EXPR_FUNCTIONS_STRINGS_H

#include "expr/internal.h"

/* The longest text a function makes. */
static const int64_t STRING_BYTES_MAX = (int64_t)64 << 20;

/* UPPER and LOWER. */
void upper_kernel(Call *call);
void lower_kernel(Call *call);

/* The row's result would be longer. */
void reject_length(Call *call, int32_t row);

#endif
