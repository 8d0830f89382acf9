/* Where plans are cut. */
#include "base/testing.h"

#include "job/layout.h"

enum { NODES_MAX = 16 };

typedef struct Sketch {
    Arena *arena;
    PlanNode nodes[NODES_MAX];
    PlanNode *list[NODES_MAX];
    Plan plan;
} Sketch;

static const ColumnList first_column = {.columns = (const int32_t[]){0}, .count = 1};

static PlanNode *sketch_node(Sketch *sketch, PlanKind kind, PlanNode *a, PlanNode *b)
{
    PlanNode *node = &sketch->nodes[sketch->plan.node_count];
    node->kind = kind;
    node->id = sketch->plan.node_count;
    node->inputs = ARENA_ARRAY(sketch->arena, PlanNode *, 2);
    node->inputs[0] = a;
    node->inputs[1] = b;
    node->input_count = a == NULL ? 0 : b == NULL ? 1 : 2;
    sketch->list[sketch->plan.node_count++] = node;
    sketch->plan.nodes = sketch->list;
    return node;
}

static PlanNode *sketch_hashed(Sketch *sketch, PlanKind kind, PlanNode *input)
{
    PlanNode *node = sketch_node(sketch, kind, input, NULL);
    node->distribution = DISTRIBUTION_HASH;
    node->distribution_keys = &first_column;
    return node;
}

static PlanNode *sketch_sink(Sketch *sketch, PlanNode *input)
{
    PlanNode *node = sketch_node(sketch, PLAN_SINK, input, NULL);
    node->distribution = DISTRIBUTION_SINGLE;
    return node;
}

static int32_t fragment_of(const Layout *layout, const PlanNode *node)
{
    return layout->fragment_of[node->id]->id;
}

static void test_cuts_at_the_hash_and_before_the_sink(void **state)
{
    (void)state;
    Sketch sketch = {.arena = arena_new(0)};
    PlanNode *source = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *watermark = sketch_node(&sketch, PLAN_WATERMARK, source, NULL);
    PlanNode *window = sketch_hashed(&sketch, PLAN_WINDOW_AGGREGATE, watermark);
    PlanNode *calc = sketch_node(&sketch, PLAN_CALC, window, NULL);
    PlanNode *sink = sketch_sink(&sketch, calc);
    Layout *layout = layout_make(sketch.arena, &sketch.plan, 2);
    assert_int_equal(layout->fragment_count, 3);
    assert_int_equal(fragment_of(layout, watermark), fragment_of(layout, source));
    assert_int_equal(fragment_of(layout, calc), fragment_of(layout, window));
    assert_int_equal(layout->fragments[0]->kind, FRAGMENT_SOURCE);
    assert_int_equal(layout->fragments[1]->task_count, 2);
    assert_int_equal(layout->fragment_of[sink->id]->kind, FRAGMENT_SINK);
    assert_int_equal(layout->fragment_of[sink->id]->task_count, 1);
    assert_int_equal(layout->edge_count, 2);
    assert_true(layout->edges[0].is_hash);
    assert_false(layout->edges[1].is_hash);
    assert_ptr_equal(layout->edges[0].from_node, watermark);
    arena_free(sketch.arena);
}

static void test_shares_a_source_between_sinks(void **state)
{
    (void)state;
    Sketch sketch = {.arena = arena_new(0)};
    PlanNode *source = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *calc = sketch_node(&sketch, PLAN_CALC, source, NULL);
    sketch_sink(&sketch, calc);
    sketch_sink(&sketch, source);
    PlanNode *serve = sketch_node(&sketch, PLAN_SERVE, calc, NULL);
    serve->distribution = DISTRIBUTION_SINGLE;
    Layout *layout = layout_make(sketch.arena, &sketch.plan, 4);
    assert_int_equal(layout->fragment_count, 4);
    assert_int_equal(layout->fragments[0]->nodes.count, 2);
    /* The table is behind the source, but not on the thread that blocks in it. */
    assert_int_equal(layout->fragment_of[serve->id]->kind, FRAGMENT_SHARDS);
    assert_int_equal(layout->fragment_of[serve->id]->task_count, 1);
    arena_free(sketch.arena);
}

static void test_cuts_where_inputs_of_several_fragments_meet(void **state)
{
    (void)state;
    Sketch sketch = {.arena = arena_new(0)};
    PlanNode *a = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *b = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *both = sketch_node(&sketch, PLAN_UNION, a, b);
    PlanNode *near_one = sketch_node(&sketch, PLAN_CALC, a, NULL);
    PlanNode *near_two = sketch_node(&sketch, PLAN_CALC, a, NULL);
    PlanNode *near = sketch_node(&sketch, PLAN_UNION, near_one, near_two);
    Layout *layout = layout_make(sketch.arena, &sketch.plan, 2);
    assert_int_equal(layout->fragment_count, 3);
    assert_int_equal(layout->fragment_of[both->id]->task_count, 1);
    assert_int_equal(fragment_of(layout, near), fragment_of(layout, a));
    assert_int_equal(layout->edge_count, 2);
    assert_int_equal(layout->edges[1].input, 1);
    arena_free(sketch.arena);
}

static void test_sends_what_a_union_gathers_to_the_shards_itself(void **state)
{
    (void)state;
    Sketch sketch = {.arena = arena_new(0)};
    PlanNode *a = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *b = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *both = sketch_node(&sketch, PLAN_UNION, a, b);
    const PlanNode *group = sketch_hashed(&sketch, PLAN_GROUP_AGGREGATE, both);
    const Layout *layout = layout_make(sketch.arena, &sketch.plan, 2);
    assert_int_equal(layout->fragment_count, 3);
    assert_null(layout->fragment_of[both->id]);
    assert_int_equal(layout->edge_count, 2);
    PlanNode *sources[] = {a, b};
    for (int32_t i = 0; i < 2; i++) {
        const Edge *edge = &layout->edges[i];
        assert_ptr_equal(edge->from_node, sources[i]);
        assert_ptr_equal(edge->passed, both);
        assert_ptr_equal(edge->to, layout->fragment_of[group->id]);
        assert_int_equal(edge->input, 0);
        assert_true(edge->is_hash);
    }
    /* With one shard, and where somebody else takes its rows, it is a task. */
    layout = layout_make(sketch.arena, &sketch.plan, 1);
    assert_non_null(layout->fragment_of[both->id]);
    sketch_sink(&sketch, both);
    layout = layout_make(sketch.arena, &sketch.plan, 2);
    assert_int_equal(layout->fragment_of[both->id]->task_count, 1);
    assert_int_equal(layout->edge_count, 4);
    arena_free(sketch.arena);
}

static void test_goes_shard_by_shard_where_all_inputs_are_sharded(void **state)
{
    (void)state;
    Sketch sketch = {.arena = arena_new(0)};
    PlanNode *source = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *a = sketch_hashed(&sketch, PLAN_GROUP_AGGREGATE, source);
    PlanNode *b = sketch_hashed(&sketch, PLAN_GROUP_AGGREGATE, source);
    PlanNode *both = sketch_node(&sketch, PLAN_UNION, a, b);
    Layout *layout = layout_make(sketch.arena, &sketch.plan, 3);
    assert_int_equal(layout->fragment_of[both->id]->task_count, 3);
    assert_false(layout->edges[2].is_hash);
    /* With one shard nothing moves behind the first worker. */
    layout = layout_make(sketch.arena, &sketch.plan, 1);
    PlanNode *again = sketch_hashed(&sketch, PLAN_GROUP_AGGREGATE, a);
    layout = layout_make(sketch.arena, &sketch.plan, 1);
    assert_int_equal(fragment_of(layout, again), fragment_of(layout, a));
    assert_int_not_equal(fragment_of(layout, a), fragment_of(layout, source));
    arena_free(sketch.arena);
}

static void test_leaves_a_sink_that_writes_in_place_where_its_rows_are(void **state)
{
    (void)state;
    Sketch sketch = {.arena = arena_new(0)};
    PlanNode *source = sketch_node(&sketch, PLAN_SOURCE, NULL, NULL);
    PlanNode *makers[] = {source, sketch_hashed(&sketch, PLAN_WINDOW_AGGREGATE, source)};
    for (int32_t i = 0; i < 2; i++) {
        const PlanNode *sink = sketch_node(&sketch, PLAN_SINK, makers[i], NULL);
        const Layout *layout = layout_make(sketch.arena, &sketch.plan, 3);
        assert_ptr_equal(layout->fragment_of[sink->id], layout->fragment_of[makers[i]->id]);
        assert_int_equal(layout->fragment_of[sink->id]->task_count, i == 0 ? 1 : 3);
    }
    arena_free(sketch.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_at_the_hash_and_before_the_sink),
        cmocka_unit_test(test_shares_a_source_between_sinks),
        cmocka_unit_test(test_cuts_where_inputs_of_several_fragments_meet),
        cmocka_unit_test(test_sends_what_a_union_gathers_to_the_shards_itself),
        cmocka_unit_test(test_goes_shard_by_shard_where_all_inputs_are_sharded),
        cmocka_unit_test(test_leaves_a_sink_that_writes_in_place_where_its_rows_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
