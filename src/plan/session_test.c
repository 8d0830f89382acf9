/* Sessions: what a statement leaves behind for the next ones, and what it does not. */
#include "plan/session.h"

#include "plan/plan_testing.h"

#define DATAGEN "WITH ('connector' = 'datagen')"

typedef struct Fixture {
    Arena *arena;
    PlanSession *session;
    Buffer out;
} Fixture;

static Fixture fixture_open(void)
{
    Fixture fixture = {.arena = arena_new(0)};
    PlanContext context = {.world = world_system(), .registry = &FAKE_REGISTRY};
    fixture.session = session_new(&context, fixture.arena);
    return fixture;
}

static void fixture_close(Fixture *fixture)
{
    session_free(fixture->session);
    arena_free(fixture->arena);
    buffer_free(&fixture->out);
}

/* The nodes with their columns: "source a (x), sink b (y)". */
static void list_nodes(const Plan *plan, Buffer *out)
{
    for (int32_t i = 0; i < plan->node_count; i++) {
        const Schema *schema = &plan->nodes[i]->schema;
        buffer_printf(out, "%s%s (", i > 0 ? ", " : "", plan->nodes[i]->label);
        for (int32_t c = 0; c < schema->count; c++)
            buffer_printf(out, "%s%.*s", c > 0 ? ", " : "", STR_ARGS(schema->fields[c].name));
        buffer_append_char(out, ')');
    }
    buffer_append_char(out, '\n');
}

/* Plan all statements of a text; nodes and findings go to `out`. */
static void run(Fixture *fixture, const char *sql)
{
    Arena *arena = arena_new(0);
    Source source = {.name = "<input>", .text = str_from(sql), .allows_open_end = true};
    Diagnostics *diagnostics = diagnostics_new(arena, &source);
    SessionText *text = session_read(fixture->session, &source, diagnostics);
    for (int32_t i = 0; i < text->script->statements.count; i++) {
        PlanStep step;
        Status status =
            session_plan(fixture->session, text, LIST_AT(text->script->statements, i, SqlStatement),
                         arena, diagnostics, &step);
        assert_int_equal(status == OK, diagnostics_error_count(diagnostics) == 0);
        if (step.plan != NULL)
            list_nodes(step.plan, &fixture->out);
    }
    for (int32_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const Diagnostic *d = diagnostics_at(diagnostics, i);
        Str at = str_make(d->source->text.data + d->span.start, d->span.end - d->span.start);
        buffer_printf(&fixture->out, "%s at <%.*s>: %s", d->code, STR_ARGS(at), d->message);
        buffer_append_char(&fixture->out, '\n');
    }
    session_text_release(fixture->session, text);
    arena_free(arena);
}

static void expect(Fixture *fixture, const char *expected)
{
    assert_planned_text(&fixture->out, expected);
    fixture->out.length = 0;
}

static void test_definitions_stay(void **state)
{
    (void)state;
    Fixture f = fixture_open();
    run(&f, "CREATE TABLE a (x INT) " DATAGEN);
    run(&f, "CREATE VIEW v AS SELECT x + 1 AS y FROM a; CREATE TABLE b (y INT) WITH "
            "('connector' = 'print');");
    run(&f, "INSERT INTO b SELECT y FROM v");
    expect(&f, "source a (x), project (y), sink b (y)\n");
    /* Planning it once more gives the same: the first plan left nothing in the definitions. */
    run(&f, "INSERT INTO b SELECT y FROM v");
    expect(&f, "source a (x), project (y), sink b (y)\n");
    fixture_close(&f);
}

static void test_wrong_definitions_leave_nothing(void **state)
{
    (void)state;
    Fixture f = fixture_open();
    run(&f, "CREATE TABLE a (x INT, x INT) WITH ('connector' = 'print')");
    expect(&f, "WR2021 at <x>: column `x` is declared twice\n");
    run(&f, "CREATE TABLE a (x INT) WITH ('connector' = 'print')");
    run(&f, "CREATE VIEW v AS SELECT x FROM nowhere");
    f.out.length = 0;
    run(&f, "DROP TABLE a; DROP VIEW IF EXISTS v;");
    expect(&f, "");
    fixture_close(&f);
}

/* The place of a mistake is in the text that has it, not in the one that is planned. */
static void test_mistakes_show_their_own_text(void **state)
{
    (void)state;
    Fixture f = fixture_open();
    run(&f, "CREATE TABLE a (x INT) WITH ('connector' = 'datagen', 'rows-per-secnd' = '1')");
    run(&f, "CREATE TABLE b (y INT) WITH ('connector' = 'print')");
    expect(&f, "");
    run(&f, "INSERT INTO b\nSELECT x\nFROM a");
    expect(&f, "WR3001 at <'rows-per-secnd'>: unsupported option `rows-per-secnd` for "
               "connector 'datagen'\n");
    /* And again: a failure is not remembered. */
    run(&f, "INSERT INTO b SELECT x FROM a /*+ OPTIONS('numbr-of-rows' = '1') */");
    expect(&f, "WR3001 at <'rows-per-secnd'>: unsupported option `rows-per-secnd` for "
               "connector 'datagen'\n"
               "WR3001 at <'numbr-of-rows'>: unsupported option `numbr-of-rows` for "
               "connector 'datagen'\n");
    fixture_close(&f);
}

static void test_views_keep_their_database(void **state)
{
    (void)state;
    Fixture f = fixture_open();
    run(&f, "CREATE TABLE a (x INT) " DATAGEN ";"
            "CREATE VIEW v AS SELECT x FROM a;"
            "CREATE CATALOG c WITH ('type' = 'generic_in_memory', 'default-database' = 'd');"
            "USE CATALOG c;"
            "CREATE TABLE a (z STRING) " DATAGEN ";"
            "CREATE TABLE b (y INT) WITH ('connector' = 'print');");
    run(&f, "INSERT INTO c.d.b SELECT x FROM default_catalog.default_database.v");
    expect(&f, "source a (x), sink b (y)\n");
    fixture_close(&f);
}

static void test_temporary_objects_hide_permanent_ones(void **state)
{
    (void)state;
    Fixture f = fixture_open();
    run(&f, "CREATE TABLE a (x INT) " DATAGEN ";"
            "CREATE TEMPORARY TABLE a (t STRING) " DATAGEN ";"
            "CREATE TABLE b (y STRING) WITH ('connector' = 'print');"
            "INSERT INTO b SELECT t FROM a;");
    expect(&f, "source a (t), sink b (y)\n");
    run(&f, "DROP TABLE a");
    expect(&f, "WR2402 at <a>: `a` is a temporary table\n");
    run(&f, "DROP TEMPORARY TABLE a; DROP TEMPORARY TABLE IF EXISTS a; DROP TABLE a;");
    expect(&f, "");
    fixture_close(&f);
}

static void test_circles(void **state)
{
    (void)state;
    Fixture f = fixture_open();
    run(&f, "CREATE VIEW v AS SELECT * FROM v");
    expect(&f, "WR2404 at <v>: view `v` is defined by itself\n");
    fixture_close(&f);
}

static void test_settings(void **state)
{
    (void)state;
    Fixture f = fixture_open();
    Source source = {.name = "-D", .text = STR("")};
    Diagnostics *diagnostics = diagnostics_new(f.arena, &source);
    session_configure(f.session, diagnostics, STR("pipeline.name"), STR("first"));
    assert_string_equal(session_setting(f.session, "pipeline.name"), "first");
    run(&f, "SET 'pipeline.name' = 'second'; SET 'table.dml-sync' = 'true';");
    assert_string_equal(session_setting(f.session, "pipeline.name"), "second");
    run(&f, "SET 'table.dml-sync' = 'perhaps'");
    f.out.length = 0;
    assert_string_equal(session_setting(f.session, "table.dml-sync"), "true");
    run(&f, "RESET 'pipeline.name'");
    assert_string_equal(session_setting(f.session, "pipeline.name"), "first");
    run(&f, "RESET");
    assert_string_equal(session_setting(f.session, "table.dml-sync"), "false");
    assert_null(session_setting(f.session, "no.such.key"));
    expect(&f, "");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions_stay),
        cmocka_unit_test(test_wrong_definitions_leave_nothing),
        cmocka_unit_test(test_mistakes_show_their_own_text),
        cmocka_unit_test(test_views_keep_their_database),
        cmocka_unit_test(test_temporary_objects_hide_permanent_ones),
        cmocka_unit_test(test_circles),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
