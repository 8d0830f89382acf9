/* What has outlived its time to live goes bit by bit: nobody waits for a sweep over all of it. */
#include "exec/operators.h"

enum {
    RUN = 256, /* more than a page that has left memory holds, as a rule */
    /* Looked at in one tick: some 10 ms, so that two million a second are gone through, or 300,000
     * where they have to be unpacked. */
    LOOKS = 128 * 1024,
    LOOKS_SPILLED = 16 * 1024,
};

void operator_sweep(Operator *op, Sweep *sweep, StateTable *table, int64_t ttl_us, int64_t now_us,
                    SweepJudge is_over)
{
    bool is_due = ttl_us > 0 && now_us - sweep->begun_us >= ttl_us;
    if (!sweep->is_under_way && !is_due)
        return;
    if (!sweep->is_under_way)
        *sweep = (Sweep){.begun_us = now_us, .is_under_way = true};
    int64_t left = op->task->spill == NULL ? LOOKS : LOOKS_SPILLED;
    uint8_t *values[RUN];
    while (left > 0 && sweep->is_under_way) {
        int32_t count = table_next_run(table, &sweep->cursor, values, RUN);
        for (int32_t i = 0; i < count; i++)
            if (is_over(op, values[i], now_us))
                table_delete(table, values[i]);
        left -= count;
        sweep->is_under_way = count > 0;
    }
}
