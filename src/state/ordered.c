/* A counted B+ tree. */
#include "state/ordered.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { FAN = 32, MERGE_MAX = FAN / 2 + 4, ROOM_MIN = 2 };

/* The first `room` rows are there; leaves of a deeper tree have FAN of them. */
typedef struct Leaf {
    int64_t count;
    OrderedRow *rows[];
} Leaf;

typedef struct Inner {
    int64_t count; /* of children */
    int64_t totals[FAN];
    OrderedRow *firsts[FAN];
    void *children[FAN];
} Inner;

OrderedRow *ordered_row_new(Blocks *blocks, Str key, Str bytes)
{
    assert(key.length <= INT32_MAX && bytes.length <= INT32_MAX);
    int64_t size = (int64_t)sizeof(OrderedRow) + key.length + bytes.length;
    OrderedRow *row = blocks_take(blocks, size);
    row->owner = NULL;
    row->key_bytes = (int32_t)key.length;
    row->row_bytes = (int32_t)bytes.length;
    if (key.length > 0)
        memcpy(row->bytes, key.data, (size_t)key.length);
    if (bytes.length > 0)
        memcpy(row->bytes + key.length, bytes.data, (size_t)bytes.length);
    return row;
}

void ordered_row_free(Blocks *blocks, OrderedRow *row)
{
    if (row != NULL)
        blocks_give(blocks, row, (int64_t)sizeof *row + row->key_bytes + row->row_bytes);
}

/* ---- Nodes ----------------------------------------------------------------------------- */

static int64_t leaf_bytes(int32_t room)
{
    return (int64_t)sizeof(Leaf) + (int64_t)sizeof(OrderedRow *) * room;
}

static Leaf *leaf_new(Blocks *blocks, int32_t room)
{
    Leaf *leaf = blocks_take(blocks, leaf_bytes(room));
    leaf->count = 0;
    return leaf;
}

static int64_t node_count(const void *node)
{
    return *(const int64_t *)node;
}

static int64_t node_total(const void *node, int32_t depth)
{
    if (depth == 0)
        return node_count(node);
    const Inner *inner = node;
    int64_t total = 0;
    for (int64_t i = 0; i < inner->count; i++)
        total += inner->totals[i];
    return total;
}

static OrderedRow *node_first(const void *node, int32_t depth)
{
    assert(node_count(node) > 0);
    return depth == 0 ? ((const Leaf *)node)->rows[0] : ((const Inner *)node)->firsts[0];
}

static void node_free(Blocks *blocks, void *node, int32_t depth)
{
    blocks_give(blocks, node, depth == 0 ? leaf_bytes(FAN) : (int64_t)sizeof(Inner));
}

/* Room for one child at `at`. */
static void inner_open(Inner *inner, int64_t at)
{
    size_t moved = (size_t)(inner->count - at);
    assert(inner->count < FAN);
    memmove(inner->totals + at + 1, inner->totals + at, moved * sizeof inner->totals[0]);
    memmove(inner->firsts + at + 1, inner->firsts + at, moved * sizeof(OrderedRow *));
    memmove(inner->children + at + 1, inner->children + at, moved * sizeof(void *));
    inner->count++;
}

static void inner_close(Inner *inner, int64_t at)
{
    size_t moved = (size_t)(inner->count - at - 1);
    memmove(inner->totals + at, inner->totals + at + 1, moved * sizeof inner->totals[0]);
    memmove(inner->firsts + at, inner->firsts + at + 1, moved * sizeof(OrderedRow *));
    memmove(inner->children + at, inner->children + at + 1, moved * sizeof(void *));
    inner->count--;
}

static void inner_set(Inner *inner, int64_t at, void *child, int32_t child_depth)
{
    inner->children[at] = child;
    inner->totals[at] = node_total(child, child_depth);
    inner->firsts[at] = node_first(child, child_depth);
}

/* ---- Finding --------------------------------------------------------------------------- */

/* Whether the row lies before what is searched for. */
static bool row_is_before(const OrderedRow *row, Str key, bool takes_equal)
{
    int order = str_compare(ordered_key(row), key);
    return order < 0 || (order == 0 && takes_equal);
}

static int64_t run_search(OrderedRow *const *rows, int64_t count, Str key, bool takes_equal)
{
    int64_t low = 0, high = count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (row_is_before(rows[middle], key, takes_equal))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t ordered_search(const OrderedRows *rows, Str key, bool takes_equal)
{
    if (rows->count == 0)
        return 0;
    const void *node = rows->root;
    int64_t before = 0;
    for (int32_t depth = rows->depth; depth > 0; depth--) {
        const Inner *inner = node;
        int64_t at = run_search(inner->firsts, inner->count, key, takes_equal);
        at = at > 0 ? at - 1 : 0;
        for (int64_t i = 0; i < at; i++)
            before += inner->totals[i];
        node = inner->children[at];
    }
    const Leaf *leaf = node;
    return before + run_search(leaf->rows, leaf->count, key, takes_equal);
}

int64_t ordered_lower(const OrderedRows *rows, Str key)
{
    return ordered_search(rows, key, false);
}

int64_t ordered_upper(const OrderedRows *rows, Str key)
{
    return ordered_search(rows, key, true);
}

OrderedRow *const *ordered_run(const OrderedRows *rows, int64_t place, int32_t *count)
{
    assert(place >= 0 && place < rows->count);
    const void *node = rows->root;
    for (int32_t depth = rows->depth; depth > 0; depth--) {
        const Inner *inner = node;
        int64_t at = 0;
        while (place >= inner->totals[at])
            place -= inner->totals[at++];
        node = inner->children[at];
    }
    const Leaf *leaf = node;
    *count = (int32_t)(leaf->count - place);
    return leaf->rows + place;
}

OrderedRow *ordered_at(const OrderedRows *rows, int64_t place)
{
    int32_t count;
    return *ordered_run(rows, place, &count);
}

/* ---- Inserting ------------------------------------------------------------------------- */

/* The upper half of a full node as a node of its own. */
static void *node_split(Blocks *blocks, void *node, int32_t depth)
{
    if (depth == 0) {
        Leaf *leaf = node, *right = leaf_new(blocks, FAN);
        right->count = leaf->count / 2;
        leaf->count -= right->count;
        memcpy(right->rows, leaf->rows + leaf->count, (size_t)right->count * sizeof(OrderedRow *));
        return right;
    }
    Inner *inner = node, *right = blocks_take(blocks, (int64_t)sizeof(Inner));
    right->count = inner->count / 2;
    inner->count -= right->count;
    size_t moved = (size_t)right->count;
    memcpy(right->totals, inner->totals + inner->count, moved * sizeof inner->totals[0]);
    memcpy(right->firsts, inner->firsts + inner->count, moved * sizeof(OrderedRow *));
    memcpy(right->children, inner->children + inner->count, moved * sizeof(void *));
    return right;
}

static void leaf_insert(Leaf *leaf, int64_t place, OrderedRow *row)
{
    memmove(leaf->rows + place + 1, leaf->rows + place,
            (size_t)(leaf->count - place) * sizeof(OrderedRow *));
    leaf->rows[place] = row;
    leaf->count++;
}

/* The node is not full. A full child is split on the way down. */
static void node_insert(Blocks *blocks, void *node, int32_t depth, int64_t place, OrderedRow *row)
{
    assert(node_count(node) < FAN);
    if (depth == 0) {
        leaf_insert(node, place, row);
        return;
    }
    Inner *inner = node;
    int64_t at = 0;
    while (at + 1 < inner->count && place > inner->totals[at])
        place -= inner->totals[at++];
    if (node_count(inner->children[at]) == FAN) {
        void *right = node_split(blocks, inner->children[at], depth - 1);
        inner_open(inner, at + 1);
        inner_set(inner, at, inner->children[at], depth - 1);
        inner_set(inner, at + 1, right, depth - 1);
        if (place > inner->totals[at])
            place -= inner->totals[at++];
    }
    node_insert(blocks, inner->children[at], depth - 1, place, row);
    inner->totals[at]++;
    inner->firsts[at] = node_first(inner->children[at], depth - 1);
}

static void root_make_room(OrderedRows *rows, Blocks *blocks)
{
    if (rows->depth == 0 && rows->room < FAN) {
        int32_t room = rows->room == 0 ? ROOM_MIN : 2 * rows->room;
        Leaf *leaf = leaf_new(blocks, room);
        if (rows->root != NULL) {
            memcpy(leaf, rows->root, (size_t)leaf_bytes(rows->room));
            blocks_give(blocks, rows->root, leaf_bytes(rows->room));
        }
        rows->root = leaf;
        rows->room = room;
        return;
    }
    Inner *root = blocks_take(blocks, (int64_t)sizeof(Inner));
    void *right = node_split(blocks, rows->root, rows->depth);
    root->count = 2;
    inner_set(root, 0, rows->root, rows->depth);
    inner_set(root, 1, right, rows->depth);
    rows->root = root;
    rows->depth++;
}

void ordered_insert(OrderedRows *rows, Blocks *blocks, int64_t place, OrderedRow *row)
{
    assert(place >= 0 && place <= rows->count);
    if (rows->root == NULL || node_count(rows->root) == (rows->depth == 0 ? rows->room : FAN))
        root_make_room(rows, blocks);
    node_insert(blocks, rows->root, rows->depth, place, row);
    rows->count++;
}

/* ---- Taking out ------------------------------------------------------------------------ */

/* Append what is in `right` to `left`. */
static void node_join(void *left, const void *right, int32_t depth)
{
    if (depth == 0) {
        Leaf *into = left;
        const Leaf *from = right;
        memcpy(into->rows + into->count, from->rows, (size_t)from->count * sizeof(OrderedRow *));
        into->count += from->count;
        return;
    }
    Inner *into = left;
    const Inner *from = right;
    size_t moved = (size_t)from->count;
    memcpy(into->totals + into->count, from->totals, moved * sizeof from->totals[0]);
    memcpy(into->firsts + into->count, from->firsts, moved * sizeof(OrderedRow *));
    memcpy(into->children + into->count, from->children, moved * sizeof(void *));
    into->count += from->count;
}

/* A child that has become small goes, or joins a neighbour. */
static void inner_tidy(Inner *inner, Blocks *blocks, int64_t at, int32_t depth)
{
    if (node_count(inner->children[at]) == 0) {
        node_free(blocks, inner->children[at], depth - 1);
        inner_close(inner, at);
        return;
    }
    inner_set(inner, at, inner->children[at], depth - 1);
    int64_t left = at > 0 ? at - 1 : at;
    if (left + 1 >= inner->count ||
        node_count(inner->children[left]) + node_count(inner->children[left + 1]) > MERGE_MAX)
        return;
    node_join(inner->children[left], inner->children[left + 1], depth - 1);
    node_free(blocks, inner->children[left + 1], depth - 1);
    inner_close(inner, left + 1);
    inner_set(inner, left, inner->children[left], depth - 1);
}

static OrderedRow *node_take(Blocks *blocks, void *node, int32_t depth, int64_t place)
{
    if (depth == 0) {
        Leaf *leaf = node;
        OrderedRow *row = leaf->rows[place];
        leaf->count--;
        memmove(leaf->rows + place, leaf->rows + place + 1,
                (size_t)(leaf->count - place) * sizeof(OrderedRow *));
        return row;
    }
    Inner *inner = node;
    int64_t at = 0;
    while (place >= inner->totals[at])
        place -= inner->totals[at++];
    OrderedRow *row = node_take(blocks, inner->children[at], depth - 1, place);
    inner_tidy(inner, blocks, at, depth);
    return row;
}

OrderedRow *ordered_take(OrderedRows *rows, Blocks *blocks, int64_t place)
{
    assert(place >= 0 && place < rows->count);
    OrderedRow *row = node_take(blocks, rows->root, rows->depth, place);
    rows->count--;
    while (rows->depth > 0 && node_count(rows->root) == 1) {
        Inner *root = rows->root;
        rows->root = root->children[0];
        rows->depth--;
        rows->room = FAN;
        blocks_give(blocks, root, (int64_t)sizeof *root);
    }
    if (rows->count == 0)
        ordered_clear(rows, blocks);
    return row;
}

static void node_clear(Blocks *blocks, void *node, int32_t depth)
{
    if (depth == 0) {
        Leaf *leaf = node;
        for (int64_t i = 0; i < leaf->count; i++)
            ordered_row_free(blocks, leaf->rows[i]);
        return;
    }
    Inner *inner = node;
    for (int64_t i = 0; i < inner->count; i++) {
        node_clear(blocks, inner->children[i], depth - 1);
        node_free(blocks, inner->children[i], depth - 1);
    }
}

void ordered_clear(OrderedRows *rows, Blocks *blocks)
{
    if (rows->root != NULL) {
        node_clear(blocks, rows->root, rows->depth);
        if (rows->depth == 0)
            blocks_give(blocks, rows->root, leaf_bytes(rows->room));
        else
            node_free(blocks, rows->root, rows->depth);
    }
    *rows = (OrderedRows){0};
}

/* ---- Snapshots ------------------------------------------------------------------------- */

void ordered_save(const OrderedRows *rows, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)rows->count);
    for (int64_t place = 0; place < rows->count;) {
        int32_t count;
        OrderedRow *const *run = ordered_run(rows, place, &count);
        for (int32_t i = 0; i < count; i++) {
            buffer_append_bytes(out, ordered_key(run[i]));
            buffer_append_bytes(out, ordered_bytes(run[i]));
        }
        place += count;
    }
}

bool ordered_load(OrderedRows *rows, Blocks *blocks, ByteReader *in)
{
    assert(rows->count == 0);
    uint64_t count = byte_reader_u64(in);
    Str before = {0};
    for (uint64_t i = 0; i < count; i++) {
        Str key = byte_reader_bytes(in);
        Str bytes = byte_reader_bytes(in);
        if (in->is_short || (i > 0 && str_compare(before, key) > 0))
            return false;
        ordered_insert(rows, blocks, rows->count, ordered_row_new(blocks, key, bytes));
        before = key;
    }
    return !in->is_short;
}
