/* + - * / where a side is a time or an interval; used by the arithmetic operators. `sign` is
 * the operator's character. */
#ifndef WEIR_EXPR_FUNCTIONS_INTERVAL_H
#define WEIR_EXPR_FUNCTIONS_INTERVAL_H

#include "expr/internal.h"

Status interval_bind(Binding *binding, char sign);
Kernel interval_resolve(const Expr *call, char sign);

#endif
