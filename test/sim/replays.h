/* Records among the dead letters that are given back (job/replay.h), while the power goes. */
#ifndef WEIR_TEST_SIM_REPLAYS_H
#define WEIR_TEST_SIM_REPLAYS_H

#include <stdbool.h>
#include <stdint.h>

/* Trial number `number`: a call after the other is cut, and in some trials another one of those
 * that bring it to its end. NULL when each record was given back once; or what is not so, valid
 * until the next call. */
const char *replays_trial(uint64_t seed, int64_t number);

#endif
