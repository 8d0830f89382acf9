/* A compiled path: shared by path.c, which reads and follows it, and filter.c. */
#ifndef WEIR_EXPR_JSON_PATH_INTERNAL_H
#define WEIR_EXPR_JSON_PATH_INTERNAL_H

#include "expr/json/path.h"
#include "expr/regex.h"

enum { JSON_PATH_STEPS_MAX = 200, JSON_FILTER_DEPTH_MAX = 50 };

typedef enum StepKind {
    STEP_MEMBERS, /* .a, ['a'], ['a', 'b'] */
    STEP_ITEMS,   /* [0], [0, -1] */
    STEP_SLICE,   /* [from:to] */
    STEP_ALL,     /* .*, [*] */
    STEP_DEEP,    /* ..: the next step at this place and all below */
    STEP_FILTER,  /* [?( )] */
    STEP_FUNCTION,
} StepKind;

typedef enum StepFunction {
    STEP_LENGTH,
    STEP_MIN,
    STEP_MAX,
    STEP_AVERAGE,
    STEP_SUM,
    STEP_FIRST,
    STEP_LAST,
} StepFunction;

typedef struct Filter Filter;

typedef struct Step {
    StepKind kind;
    const Str *names;
    const int64_t *indexes;
    int32_t count; /* of names or indexes */
    int64_t from, to;
    bool has_from, has_to;
    const Filter *filter;
    StepFunction function;
} Step;

struct JsonPath {
    Step steps[JSON_PATH_STEPS_MAX];
    int32_t step_count;
    bool is_definite;
    bool is_lax;
};

/* Reading a path: what is left of the text. */
typedef struct PathReader {
    Arena *arena;
    Str text; /* all of it, for messages */
    int64_t at;
    int32_t depth;
    Error *error;
} PathReader;

char path_peek(const PathReader *reader);
void path_skip_spaces(PathReader *reader);
bool path_accept(PathReader *reader, const char *token);
Status path_fail(PathReader *reader, const char *what);
/* Steps up to what is none. */
Status path_read_steps(PathReader *reader, JsonPath *path);
/* 'text' or "text" with backslash escapes. */
Status path_read_quoted(PathReader *reader, Str *out);
Status path_read_integer(PathReader *reader, int64_t *out);

/* What is between the parentheses of ?( ), and whether an element passes. */
Status filter_read(PathReader *reader, const Filter **out);
bool filter_accepts(const Filter *filter, JsonElement element, JsonElement root, Arena *arena);

#endif
