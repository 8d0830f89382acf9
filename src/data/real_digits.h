/* The decimal digits of a binary real as Java 17 prints them. */
#ifndef WEIR_DATA_REAL_DIGITS_H
#define WEIR_DATA_REAL_DIGITS_H

#include <stdbool.h>
#include <stdint.h>

enum { REAL_DIGITS_MAX = 32 };

typedef struct RealDigits {
    char text[REAL_DIGITS_MAX]; /* '0' … '9', the first not '0' */
    int32_t count;
    int32_t whole; /* how many stand before the point; <= 0: zeros behind it come first */
} RealDigits;

/* `value` > 0 and finite. */
RealDigits real_digits_double(double value);
RealDigits real_digits_float(float value);

#endif
