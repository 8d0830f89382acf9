/* Where the plan is cut: nodes that can run as one chain on one thread make a fragment.
 *
 *     source orders ─ watermark ─ calc ┃ hash ┃ window aggregate ┃ sink redis
 *     └──────── fragment 0 ──────────┘        └── fragment 1 ──┘  └─ fragment 2
 *       an I/O thread of its own        a task per shard        an I/O thread
 *
 * A new fragment starts at sources, at sinks and look-ups (they may block), where rows must move to
 * the shard of their key, and where inputs from several fragments meet. Everything else joins its
 * input, and so do sinks that write in place. A union whose rows move on to the shards of their
 * keys is in no fragment: each of its inputs goes there itself, not all through one task. */
#ifndef WEIR_JOB_LAYOUT_H
#define WEIR_JOB_LAYOUT_H

#include "base/arena.h"
#include "plan/plan.h"

typedef enum FragmentKind {
    FRAGMENT_SOURCE, /* one task, on a thread of its own that may block */
    FRAGMENT_SHARDS, /* cooperative tasks on the workers, one per shard or one in all */
    FRAGMENT_LOOKUP, /* one task, on a thread of its own that may block: it asks tables outside */
    FRAGMENT_SINK,   /* one task, on a thread of its own that may block */
} FragmentKind;

typedef struct Fragment {
    int32_t id;
    FragmentKind kind;
    const PlanNode *head;
    List nodes; /* const PlanNode *, inputs before consumers, the head first */
    int32_t task_count;
} Fragment;

/* An input of a fragment's head that comes from another fragment; of a union in between, one of
 * them. */
typedef struct Edge {
    const PlanNode *from_node;
    const PlanNode *passed; /* the head's own input: the same, or the union */
    const Fragment *from, *to;
    int32_t input; /* of to->head */
    bool is_hash;  /* by the head's distribution keys; else task i to task i, or all to task 0 */
} Edge;

typedef struct Layout {
    Fragment **fragments; /* in topological order */
    int32_t fragment_count;
    const Fragment **fragment_of; /* by node id; NULL: a union that is only edges */
    Edge *edges;
    int32_t edge_count;
} Layout;

/* Cut the plan for `shard_count` shards. */
Layout *layout_make(Arena *arena, const Plan *plan, int32_t shard_count);

#endif
