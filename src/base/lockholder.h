/* Which process holds a lock of World.lock, by what the system says of it (proc(5): /proc/locks and
 * /proc/PID/fd), so that no number in a file has to be believed. */
#ifndef WEIR_BASE_LOCKHOLDER_H
#define WEIR_BASE_LOCKHOLDER_H

#include <stdint.h>

/* The number of the process, here; 0: nobody holds it, or it cannot be told, as for a process of
 * another container. Who takes the lock for a moment, to see whether it is free, is not meant: the
 * answer is the same twice, some milliseconds apart. */
int64_t lockholder_find(const char *path);

#endif
