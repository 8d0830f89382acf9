/* Compiled programs, between program.c and eval.c. */
#ifndef WEIR_EXPR_PROGRAM_H
#define WEIR_EXPR_PROGRAM_H

#include "expr/internal.h"

struct Program {
    Node **roots;
    int32_t root_count;
    int64_t run; /* counts runs, so that remembered results go stale */
    List nodes;  /* Node, every one once */
};

bool node_is(const Node *node, const char *name);

#endif
