/* cmocka with its prerequisites, and without its macro `fail`, whose name is ours. Unit tests
 * include this first. */
#ifndef WEIR_BASE_TESTING_H
#define WEIR_BASE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef fail

#endif
