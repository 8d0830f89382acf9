/* simdjson's on-demand face over the same lines, for comparison. */
#ifndef WEIR_BENCH_JSON_DECODE_SCAN_H
#define WEIR_BENCH_JSON_DECODE_SCAN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Read store, amount and ts of every line; returns a sum over them, so that nothing is left
 * out. `length` bytes with padding behind. */
uint64_t scan_lines(const char *bytes, int64_t length, int64_t *rows);

#ifdef __cplusplus
}
#endif

#endif
