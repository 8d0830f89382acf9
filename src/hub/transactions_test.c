/* The coordinator on a real file system: who may end what, with which epoch he goes on, and what
 * asking again gives, before and after the topic is read again. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/transactions_testing.h"

static char folder[64];
static Topics *topics;
static Offsets *offsets;
static Transactions *transactions;

static void open_all(void)
{
    Error error = {0};
    if (topics_open(world_system(), folder, &(LogOptions){0}, &topics, &error) != OK ||
        offsets_open(world_system(), topics, &offsets, &error) != OK ||
        transactions_open(world_system(), topics, offsets, &transactions, &error) != OK)
        fail_msg("%s %s", error.code, error.text);
}

static void close_all(void)
{
    transactions_free(transactions);
    offsets_free(offsets);
    assert_int_equal(topics_close(topics, NULL), OK);
}

static void start_again(void)
{
    close_all();
    open_all();
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-transactions-XXXXXX");
    assert_non_null(mkdtemp(folder));
    open_all();
    Topic *topic;
    assert_int_equal(topics_create(topics, STR("t"), 1, &(List){0}, &topic, NULL), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    return 0;
}

/* All that is written becomes durable, and what follows from it happens. */
static void settle(void)
{
    for (int i = 0; i < 4; i++) {
        assert_int_equal(log_flush(topics_log(topics), NULL), OK);
        transactions_advance(transactions);
    }
}

static TransactionProducer init(int64_t id, int16_t epoch)
{
    TransactionProducer asks = {STR("x"), id, epoch};
    TransactionAnswer answer;
    assert_int_equal(transactions_init(transactions, &asks, 60000, &answer, NULL), OK);
    if (answer.verdict != TRANSACTION_GOOD)
        return (TransactionProducer){.producer_id = -(int64_t)answer.verdict};
    return (TransactionProducer){STR("x"), answer.transaction->producer_id,
                                 answer.transaction->epoch};
}

static TransactionVerdict add(const TransactionProducer *asks)
{
    static const TransactionPartition partition = {.topic = {"t", 1}};
    TransactionAnswer answer;
    assert_int_equal(transactions_add(transactions, asks, &partition, 1, &answer, NULL), OK);
    return answer.verdict;
}

static TransactionVerdict judge(const TransactionProducer *asks)
{
    return transactions_judge(transactions, asks, STR("t"), 0);
}

static TransactionVerdict end(const TransactionProducer *asks, bool is_commit, bool renews)
{
    TransactionAnswer answer;
    assert_int_equal(transactions_end(transactions, asks, is_commit, renews, &answer, NULL), OK);
    settle();
    return answer.verdict;
}

/* He who has ended it, as he goes on. */
static TransactionProducer next_of(const TransactionProducer *asks)
{
    const Transaction *transaction = transactions_find(transactions, STR("x"));
    assert_true(transaction_goes_on(transaction, asks));
    return (TransactionProducer){STR("x"), transaction->producer_id, transaction->epoch};
}

static void test_each_end_gives_another_epoch(void **state)
{
    (void)state;
    TransactionProducer first = init(-1, -1);
    assert_int_equal(judge(&first), TRANSACTION_WRONG_STATE);
    assert_int_equal(add(&first), TRANSACTION_GOOD);
    assert_int_equal(judge(&first), TRANSACTION_PENDING);
    settle();
    assert_int_equal(judge(&first), TRANSACTION_GOOD);
    assert_int_equal(end(&first, true, true), TRANSACTION_GOOD);
    TransactionProducer second = next_of(&first);
    assert_int_equal(second.producer_id, first.producer_id);
    assert_int_equal(second.epoch, first.epoch + 1);
    assert_int_equal(judge(&first), TRANSACTION_FENCED);
    assert_int_equal(add(&first), TRANSACTION_FENCED);
    assert_int_equal(end(&second, true, true), TRANSACTION_WRONG_STATE); /* nothing has begun */
    assert_int_equal(add(&second), TRANSACTION_GOOD);
    settle();
    assert_int_equal(end(&second, false, true), TRANSACTION_GOOD);
    assert_int_equal(next_of(&second).epoch, second.epoch + 1);
}

static void test_asking_again_gives_the_same_answer(void **state)
{
    (void)state;
    TransactionProducer first = init(-1, -1);
    assert_int_equal(add(&first), TRANSACTION_GOOD);
    settle();
    assert_int_equal(end(&first, true, true), TRANSACTION_GOOD);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(end(&first, true, true), TRANSACTION_GOOD);
        assert_int_equal(next_of(&first).epoch, first.epoch + 1);
        assert_int_equal(end(&first, false, true), TRANSACTION_FENCED); /* it was a commit */
        assert_int_equal(end(&first, true, false), TRANSACTION_FENCED); /* by version 1 */
        start_again();
    }
    /* Once the next one has begun it is somebody late. */
    TransactionProducer second = next_of(&first);
    assert_int_equal(add(&second), TRANSACTION_GOOD);
    assert_int_equal(end(&first, true, true), TRANSACTION_FENCED);
    settle();
    assert_int_equal(judge(&second), TRANSACTION_GOOD);
}

static void test_what_has_not_begun_can_be_aborted(void **state)
{
    (void)state;
    TransactionProducer first = init(-1, -1);
    assert_int_equal(end(&first, false, true), TRANSACTION_GOOD);
    TransactionProducer second = next_of(&first);
    assert_int_equal(second.epoch, first.epoch + 1);
    assert_int_equal(end(&second, false, true), TRANSACTION_GOOD);
    assert_int_equal(end(&second, false, true), TRANSACTION_GOOD);
    assert_int_equal(next_of(&second).epoch, second.epoch + 1);
    TransactionProducer third = next_of(&second);
    assert_int_equal(end(&third, false, false), TRANSACTION_GOOD); /* version 1: asked again */
    assert_int_equal(end(&third, true, false), TRANSACTION_WRONG_STATE);
}

/* Who takes over has an epoch that the one before must not take for his own. */
static void test_whoever_was_fenced_does_not_go_on(void **state)
{
    (void)state;
    TransactionProducer first = init(-1, -1);
    assert_int_equal(add(&first), TRANSACTION_GOOD);
    settle();
    assert_int_equal(init(-1, -1).producer_id, -(int64_t)TRANSACTION_BUSY);
    settle();
    assert_int_equal(end(&first, false, true), TRANSACTION_FENCED);
    TransactionProducer other = init(-1, -1);
    assert_int_equal(end(&first, false, true), TRANSACTION_FENCED);
    assert_int_equal(end(&first, true, true), TRANSACTION_FENCED);
    assert_false(transaction_goes_on(transactions_find(transactions, STR("x")), &first));
    assert_int_equal(init(first.producer_id, first.epoch).producer_id,
                     -(int64_t)TRANSACTION_FENCED);
    assert_int_equal(add(&other), TRANSACTION_GOOD);
}

/* He has not heard the answer, and begins anew with the epoch that he knows. */
static void test_he_may_name_himself_as_before(void **state)
{
    (void)state;
    TransactionProducer first = init(-1, -1);
    assert_int_equal(add(&first), TRANSACTION_GOOD);
    settle();
    assert_int_equal(end(&first, true, true), TRANSACTION_GOOD);
    start_again();
    TransactionProducer again = init(first.producer_id, first.epoch);
    assert_int_equal(again.producer_id, first.producer_id);
    assert_int_equal(again.epoch, first.epoch + 2);
    TransactionProducer same = init(first.producer_id, first.epoch);
    assert_int_equal(same.epoch, again.epoch);
    assert_false(transaction_goes_on(transactions_find(transactions, STR("x")), &first));
}

static void test_the_last_epoch_gives_another_id(void **state)
{
    (void)state;
    TransactionProducer last = init(-1, -1);
    while (last.epoch < INT16_MAX - 1)
        last = init(last.producer_id, last.epoch);
    assert_int_equal(add(&last), TRANSACTION_GOOD);
    settle();
    assert_int_equal(end(&last, true, true), TRANSACTION_GOOD);
    for (int i = 0; i < 2; i++) {
        TransactionProducer next = next_of(&last);
        assert_int_not_equal(next.producer_id, last.producer_id);
        assert_int_equal(next.epoch, 0);
        assert_int_equal(end(&last, true, true), TRANSACTION_GOOD);
        assert_int_equal(next_of(&last).producer_id, next.producer_id);
        assert_int_equal(judge(&last), TRANSACTION_UNKNOWN);
        start_again();
    }
    /* The partition has seen the last epoch: nothing that is late comes in. */
    Partition *partition;
    assert_int_equal(topics_partition(topics, topics_find(topics, STR("t")), 0, &partition, NULL),
                     OK);
    Arena *arena = arena_new(0);
    List producers = {0};
    partition_list_producers(partition, arena, &producers);
    assert_int_equal(producers.count, 1);
    assert_int_equal(LIST_AT(producers, 0, Producer)->epoch, INT16_MAX);
    arena_free(arena);
    TransactionProducer next = next_of(&last);
    TransactionProducer again = init(last.producer_id, last.epoch);
    assert_int_equal(again.producer_id, next.producer_id);
    assert_int_equal(again.epoch, 1);
}

/* He who has the last epoch ends what has begun, or what has not, and goes on under another id. */
static void test_the_last_epoch_of_older_hubs(void **state)
{
    (void)state;
    TransactionProducer last = init(-1, -1);
    last.epoch = INT16_MAX;
    for (int has_begun = 0; has_begun < 2; has_begun++) {
        test_transaction_at_last_epoch(topics, STR("x"), last.producer_id,
                                       TRANSACTION_COMPLETE_ABORT);
        start_again();
        if (has_begun)
            assert_int_equal(add(&last), TRANSACTION_GOOD);
        settle();
        assert_int_equal(end(&last, has_begun, true), TRANSACTION_GOOD);
        TransactionProducer next = next_of(&last);
        assert_int_not_equal(next.producer_id, last.producer_id);
        assert_int_equal(next.epoch, 0);
        assert_int_equal(end(&last, has_begun, true), TRANSACTION_GOOD);
        assert_int_equal(next_of(&last).producer_id, next.producer_id);
        assert_int_equal(add(&last), TRANSACTION_UNKNOWN);
        assert_int_equal(add(&next), TRANSACTION_GOOD);
    }
    /* Somebody else who comes while it goes on has it aborted, too. */
    test_transaction_at_last_epoch(topics, STR("x"), last.producer_id, TRANSACTION_ONGOING);
    start_again();
    assert_int_equal(init(-1, -1).producer_id, -(int64_t)TRANSACTION_BUSY);
    settle();
    assert_int_not_equal(init(-1, -1).producer_id, last.producer_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_end_gives_another_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_asking_again_gives_the_same_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_has_not_begun_can_be_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whoever_was_fenced_does_not_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_he_may_name_himself_as_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_epoch_gives_another_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_epoch_of_older_hubs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
