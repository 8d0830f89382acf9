/* Fuzzes the readers of numbers, dates and times: whatever they accept reads the same again
 * once it is printed. The first byte picks the reader, the rest is its text. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "data/datetime.h"
#include "data/decimal.h"
#include "data/real.h"
#include "data/tzrule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decimal(Str text, int32_t scale)
{
    Int128 value, again;
    bool is_overflow;
    if (!decimal_parse(text, 38, scale, &value, &is_overflow))
        return;
    assert(decimal_fits(value, 38));
    Buffer printed = {0};
    decimal_print(&printed, value, scale);
    bool is_read = decimal_parse(buffer_str(&printed), 38, scale, &again, &is_overflow);
    assert(is_read);
    assert(again == value);
    buffer_free(&printed);
}

static void check_date(Str text)
{
    int32_t days, again;
    if (!date_parse(text, &days))
        return;
    Buffer printed = {0};
    date_print(&printed, days);
    bool is_read = date_parse(buffer_str(&printed), &again);
    assert(is_read);
    assert(again == days);
    buffer_free(&printed);
}

static void check_time(Str text)
{
    int32_t millis, again;
    if (!time_parse(text, &millis))
        return;
    assert(millis >= 0);
    assert(millis < MILLIS_PER_DAY);
    Buffer printed = {0};
    time_print(&printed, millis, 3);
    bool is_read = time_parse(buffer_str(&printed), &again);
    assert(is_read);
    assert(again == millis);
    buffer_free(&printed);
}

static void check_timestamp(Str text, char separator)
{
    Timestamp micros, again;
    if (!timestamp_parse(text, separator, &micros))
        return;
    Buffer printed = {0};
    timestamp_print(&printed, micros, 6, separator);
    bool is_read = timestamp_parse(buffer_str(&printed), separator, &again);
    assert(is_read);
    assert(again == micros);
    buffer_free(&printed);
}

static void check_real(Str text)
{
    double value, again;
    if (!real_parse(text, &value))
        return;
    Buffer printed = {0};
    real_print_double(&printed, value);
    bool is_read = real_parse(buffer_str(&printed), &again);
    assert(is_read);
    assert(again == value || (isnan(value) && isnan(again)));
    buffer_free(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    Str text = str_make((const char *)data + 1, (int64_t)size - 1);
    TzRule rule;
    switch (data[0] % 8) {
    case 0: check_decimal(text, 0); break;
    case 1: check_decimal(text, 18); break;
    case 2: check_decimal(text, 38); break;
    case 3: check_date(text); break;
    case 4: check_time(text); break;
    case 5: check_timestamp(text, ' '); break;
    case 6: check_real(text); break;
    default: (void)tzrule_parse(text, &rule); break;
    }
    return 0;
}
