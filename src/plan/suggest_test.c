/* Sixty typing mistakes: the right name must be the first that is proposed. */
#include "plan/plan_testing.h"

#define TABLES                                                                                     \
    "CREATE TABLE orders (id BIGINT, user_id BIGINT, store_id INT, amount DECIMAL(12, 2), "        \
    "currency STRING, status STRING, created_at TIMESTAMP(3), quantity INT, discount DOUBLE, "     \
    "WATERMARK FOR created_at AS created_at) WITH ('connector' = 'datagen');\n"                    \
    "CREATE TABLE customers (id BIGINT, name STRING, country STRING) WITH ('connector' = "         \
    "'datagen');\n"                                                                                \
    "CREATE TABLE shipments (id BIGINT, carrier STRING) WITH ('connector' = 'datagen');\n"         \
    "CREATE TABLE out_text (a STRING) WITH ('connector' = 'print');\n"                             \
    "CREATE TABLE out_long (a BIGINT) WITH ('connector' = 'print');\n"

typedef struct Typo {
    const char *written;
    const char *meant;
} Typo;

static const Typo COLUMNS[] = {
    {"amout", "amount"},         {"amuont", "amount"},        {"amountt", "amount"},
    {"Amount", "amount"},        {"ammount", "amount"},       {"statsu", "status"},
    {"satus", "status"},         {"statis", "status"},        {"STATUS", "status"},
    {"usr_id", "user_id"},       {"userid", "user_id"},       {"user_ids", "user_id"},
    {"store_di", "store_id"},    {"storeid", "store_id"},     {"stroe_id", "store_id"},
    {"curency", "currency"},     {"currancy", "currency"},    {"currenyc", "currency"},
    {"create_at", "created_at"}, {"createdat", "created_at"}, {"created_ta", "created_at"},
    {"qantity", "quantity"},     {"quantitty", "quantity"},   {"quantiy", "quantity"},
    {"disount", "discount"},     {"discuont", "discount"},    {"discounts", "discount"},
};

static const Typo NAMES[] = {
    {"order", "orders"},        {"ordres", "orders"},      {"oders", "orders"},
    {"ORDERS", "orders"},       {"customer", "customers"}, {"custmers", "customers"},
    {"cusotmers", "customers"}, {"shipment", "shipments"}, {"shippments", "shipments"},
    {"shimpents", "shipments"},
};

static const Typo OPTIONS[] = {
    {"rows-per-secnd", "rows-per-second"},   {"row-per-second", "rows-per-second"},
    {"rows-per-seconds", "rows-per-second"}, {"rows.per.second", "rows-per-second"},
    {"number-of-row", "number-of-rows"},     {"numbr-of-rows", "number-of-rows"},
    {"number-fo-rows", "number-of-rows"},
};

static const Typo SETTING_KEYS[] = {
    {"parallelism.defualt", "parallelism.default"},
    {"paralelism.default", "parallelism.default"},
    {"pipeline.nmae", "pipeline.name"},
    {"execution.runtime-mod", "execution.runtime-mode"},
    {"execution.runtimemode", "execution.runtime-mode"},
    {"table.local-timezone", "table.local-time-zone"},
    {"table.exec.stat.ttl", "table.exec.state.ttl"},
    {"table.exec.state.tll", "table.exec.state.ttl"},
    {"execution.checkpointing.intervall", "execution.checkpointing.interval"},
    {"execution.checkpoint.interval", "execution.checkpointing.interval"},
    {"weir.memory.limits", "weir.memory.limit"},
    {"table.exec.source.idle-timout", "table.exec.source.idle-timeout"},
};

static const Typo FUNCTIONS[] = {
    {"SUMM(id)", "SUM"},
    {"CONUT(id)", "COUNT"},
    {"COUTN(id)", "COUNT"},
    {"AVGG(id)", "AVG"},
};

static int32_t right_count;

static void check_script(const char *script, const Typo *typo)
{
    Planned planned = planned_make(script);
    const char *first = NULL;
    Buffer quoted = {0};
    buffer_printf(&quoted, "did you mean `%s`", typo->meant);
    for (int32_t i = 0; i < diagnostics_count(planned.diagnostics) && first == NULL; i++) {
        const Diagnostic *d = diagnostics_at(planned.diagnostics, i);
        if (d->helps.count > 0)
            first = LIST_AT(d->helps, 0, const char);
    }
    bool is_right =
        first != NULL && strncmp(first, buffer_terminated(&quoted), (size_t)quoted.length) == 0;
    if (!is_right)
        fprintf(stderr, "%s: meant %s, proposed %s\n", typo->written, typo->meant,
                first != NULL ? first : "nothing");
    right_count += is_right;
    buffer_free(&quoted);
    planned_free(&planned);
}

#define CHECK_ALL(typos, format)                                                                   \
    do {                                                                                           \
        for (size_t i = 0; i < sizeof(typos) / sizeof(typos)[0]; i++) {                            \
            Buffer script = {0};                                                                   \
            buffer_printf(&script, format, (typos)[i].written);                                    \
            check_script(buffer_terminated(&script), &(typos)[i]);                                 \
            buffer_free(&script);                                                                  \
        }                                                                                          \
        total += (int32_t)(sizeof(typos) / sizeof(typos)[0]);                                      \
    } while (0)

static void test_typos(void **state)
{
    (void)state;
    int32_t total = 0;
    right_count = 0;
    CHECK_ALL(COLUMNS, TABLES "INSERT INTO out_text SELECT CAST(%s AS STRING) FROM orders;");
    CHECK_ALL(NAMES, TABLES "INSERT INTO out_long SELECT id FROM %s;");
    CHECK_ALL(OPTIONS, TABLES "CREATE TABLE x (a BIGINT) WITH ('connector' = 'datagen', '%s' = "
                              "'5');\nINSERT INTO out_long SELECT a FROM x;");
    CHECK_ALL(SETTING_KEYS, "SET '%s' = '1';");
    CHECK_ALL(FUNCTIONS, TABLES "INSERT INTO out_long SELECT %s FROM orders;");
    assert_int_equal(total, 60);
    /* INTERFACES: at least 95 % of them. */
    assert_true(right_count * 100 >= total * 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_typos)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
