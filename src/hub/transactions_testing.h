/* For tests: transactions as hubs of before have left them. */
#ifndef WEIR_HUB_TRANSACTIONS_TESTING_H
#define WEIR_HUB_TRANSACTIONS_TESTING_H

#include "base/testing.h"

#include "hub/journal.h"
#include "hub/transactions.h"

/* The id has come to this state, without partitions, by a hub that gave away the last epoch. */
static inline void test_transaction_at_last_epoch(Topics *topics, Str id, int64_t producer_id,
                                                  TransactionState state)
{
    Journal *journal;
    Buffer key = {0}, value = {0};
    int64_t end_offset, now_ms = world_now_us(world_system()) / 1000;
    put_number(&key, 0, 2);
    put_text(&key, id);
    put_number(&value, 0, 2);
    put_number(&value, producer_id, 8);
    put_number(&value, INT16_MAX, 2);
    put_number(&value, 60000, 4);
    put_number(&value, state, 1);
    put_number(&value, 0, 4); /* partitions */
    put_number(&value, now_ms, 8);
    put_number(&value, now_ms, 8);
    put_number(&value, -1, 2); /* the epoch before */
    assert_int_equal(journal_open(world_system(), topics, TRANSACTIONS_TOPIC, &journal, NULL), OK);
    journal_begin(journal, -1, -1);
    journal_add(journal, buffer_str(&key), buffer_str(&value));
    assert_int_equal(journal_write(journal, &end_offset, NULL), OK);
    journal_free(journal);
    buffer_free(&key);
    buffer_free(&value);
}

#endif
