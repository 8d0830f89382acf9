/* EXPLAIN for programs: JSON and Graphviz. */
#include "base/json.h"
#include "plan/kind.h"

static void json_columns(JsonWriter *json, Arena *arena, const Schema *schema)
{
    json_key(json, "columns");
    json_begin_array(json);
    for (int32_t i = 0; i < schema->count; i++) {
        json_begin_object(json);
        json_key(json, "name");
        json_str(json, schema->fields[i].name);
        json_key(json, "type");
        json_text(json, type_text(arena, schema->fields[i].type));
        json_end_object(json);
    }
    json_end_array(json);
}

/* A text made by one of the printers, as a JSON string. */
static void json_printed(JsonWriter *json, const char *key,
                         void (*print)(Buffer *out, const PlanNode *node), const PlanNode *node)
{
    Buffer text = {0};
    print(&text, node);
    json_key(json, key);
    json_str(json, buffer_str(&text));
    buffer_free(&text);
}

static void print_changelog(Buffer *out, const PlanNode *node)
{
    changelog_print(out, node->changelog);
}

static void json_node(JsonWriter *json, Arena *arena, const PlanNode *node)
{
    json_begin_object(json);
    json_key(json, "id");
    json_int(json, node->id);
    json_key(json, "kind");
    json_text(json, rel_kind(node->kind)->name);
    json_key(json, "uid");
    json_text(json, node->uid);
    json_key(json, "label");
    json_text(json, node->label);
    json_printed(json, "details", explain_details, node);
    json_printed(json, "changelog", print_changelog, node);
    json_printed(json, "distribution", explain_distributions, node);
    if (node->kind == PLAN_SINK || node->kind == PLAN_SERVE)
        json_printed(json, "guarantee", explain_guarantee, node);
    json_key(json, "inputs");
    json_begin_array(json);
    for (int32_t i = 0; i < node->input_count; i++)
        json_int(json, node->inputs[i]->id);
    json_end_array(json);
    json_columns(json, arena, &node->schema);
    json_end_object(json);
}

void plan_explain_json(const Plan *plan, Buffer *out)
{
    Arena *arena = arena_new(0);
    JsonWriter json = {.out = out};
    json_begin_object(&json);
    json_key(&json, "schema");
    json_text(&json, "weir.v1.Plan");
    json_key(&json, "nodes");
    json_begin_array(&json);
    for (int32_t i = 0; i < plan->node_count; i++)
        json_node(&json, arena, plan->nodes[i]);
    json_end_array(&json);
    json_end_object(&json);
    buffer_append_char(out, '\n');
    arena_free(arena);
}

static void dot_label(Buffer *out, const PlanNode *node)
{
    Buffer text = {0};
    buffer_append_text(&text, node->label);
    buffer_append_char(&text, '\n');
    explain_details(&text, node);
    json_append_quoted(out, buffer_str(&text));
    buffer_free(&text);
}

void plan_explain_dot(const Plan *plan, Buffer *out)
{
    buffer_append_text(out, "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n");
    for (int32_t i = 0; i < plan->node_count; i++) {
        buffer_printf(out, "  n%d [label=", i);
        dot_label(out, plan->nodes[i]);
        buffer_append_text(out, "];\n");
    }
    for (int32_t i = 0; i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        for (int32_t k = 0; k < node->input_count; k++) {
            Buffer label = {0};
            changelog_print(&label, node->inputs[k]->changelog);
            if (node->distribution != DISTRIBUTION_ANY)
                buffer_append_char(&label, ' ');
            explain_distribution(&label, node, k);
            buffer_printf(out, "  n%d -> n%d [label=", node->inputs[k]->id, i);
            json_append_quoted(out, buffer_str(&label));
            buffer_append_text(out, "];\n");
            buffer_free(&label);
        }
    }
    buffer_append_text(out, "}\n");
}
