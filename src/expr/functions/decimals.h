/* Kernels of DECIMAL arithmetic. Both arguments and the result are DECIMAL. */
#ifndef WEIR_EXPR_FUNCTIONS_DECIMALS_H
#define WEIR_EXPR_FUNCTIONS_DECIMALS_H

#include "expr/internal.h"

void decimal_add_kernel(Call *call);
void decimal_subtract_kernel(Call *call);
void decimal_multiply_kernel(Call *call);
void decimal_divide_kernel(Call *call);
void decimal_modulo_kernel(Call *call);

#endif
