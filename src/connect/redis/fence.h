/* Commands of a connection that was given up may still be on their way: held up in the network, or
 * in the system of a process that was killed. They would come behind newer ones and put old rows in
 * their place. So the server is told to end that connection before anything is written by the next.
 *
 * How it calls the connection stands in a note in the pipeline's folder, for the next run. */
#ifndef WEIR_CONNECT_REDIS_FENCE_H
#define WEIR_CONNECT_REDIS_FENCE_H

#include "base/arena.h"
#include "base/world.h"

typedef struct RedisConnection RedisConnection;

enum { FENCE_NAME_BYTES = 128 };

/* Zeroed: there is none. */
typedef struct RedisFence {
    World *world;
    const char *folder, *path;      /* of the note; NULL: none is taken */
    bool is_on, is_read;            /* the note of the last run has been read */
    bool is_refused;                /* the server has not these commands, or not for this user */
    char current[FENCE_NAME_BYTES]; /* "ID ADDRESS"; "": not known */
    char former[FENCE_NAME_BYTES];  /* of one that has to end; "": none */
} RedisFence;

/* `notes` may be NULL; `name` is the writer's own among them. */
void redis_fence_init(RedisFence *fence, World *world, Arena *arena, const char *notes,
                      const char *name);
/* Of a connection by which nothing has been written yet. */
Status redis_fence_raise(RedisConnection *connection, Error *error);
/* The connection is given up. */
void redis_fence_leave(RedisFence *fence);

#endif
