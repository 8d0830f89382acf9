/* A window over running values that may leave memory: one pass over their pages (state/edit.h).
 *
 *                  page of the running table, unpacked once
 *     slice ──leaves──> │  undone, subtracted, dropped
 *     slice ──enters──> │  added
 *     slices ─turned──> │  the front is built anew, where it is used up
 *                       └─> rows go out
 *
 * A slice is in the running values until the window behind its last one fires, so that it leaves in
 * the pass in which another enters. More slices than RUNNING_BESIDE_MAX, to be turned or brought
 * back, take several passes, of which the last one has the rows.
 *
 *     running_pass_begin ─> running_pass_next ─> running_pass_values ─> running_pass_close
 *                                ▲                                           │
 *                                └───────────────────────────────────────────┴─> running_pass_end
 */
#ifndef WEIR_EXEC_WINDOW_RUNNING_PASS_H
#define WEIR_EXEC_WINDOW_RUNNING_PASS_H

#include "exec/window/running.h"

enum { RUNNING_BESIDE_MAX = 64 };

/* For values whose table spills. */
RunningPass *running_pass_new(StateTable *table);
/* NULL is allowed. */
void running_pass_free(RunningPass *pass);

/* The window of the slices first … last comes after that which came before. This and what follows
 * may put state away: WR5312. */
Status running_pass_begin(Running *running, Slices *slices, int64_t first, int64_t last);
/* The values of the next page are as the window has them; *is_there: there is one. */
Status running_pass_next(Running *running, bool *is_there);
/* Those that have records, from number *at of the page on, at most `room`. */
int32_t running_pass_values(const Running *running, int32_t *at, uint8_t **values, int32_t room);
void running_pass_close(Running *running);
/* All pages are through. The slice before the first one, if there is one, is not needed any more.
 */
void running_pass_end(Running *running);

/* All slices up to this one are brought back into a window that is empty. */
Status running_pass_restore(Running *running, Slices *slices, int64_t last);

#endif
