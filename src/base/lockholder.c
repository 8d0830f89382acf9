/* Locks of the file's inode, and of their processes the one that has this file open. */
#include "base/lockholder.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 300, LINE_BYTES = 256, BETWEEN_LOOKS_US = 30 * 1000 };

/* Device numbers of the list of locks need not be those that stat gives (overlayfs, btrfs): what a
 * descriptor of the process leads to does. */
static bool has_open(int64_t process, const struct stat *file)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/fd", process);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    bool is_found = false;
    for (struct dirent *entry; !is_found && (entry = readdir(folder)) != NULL;) {
        struct stat found;
        snprintf(path, sizeof path, "/proc/%" PRId64 "/fd/%s", process, entry->d_name);
        is_found = entry->d_name[0] != '.' && stat(path, &found) == 0 &&
                   found.st_dev == file->st_dev && found.st_ino == file->st_ino;
    }
    closedir(folder);
    return is_found;
}

static int64_t look(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return 0;
    FILE *locks = fopen("/proc/locks", "re");
    if (locks == NULL)
        return 0;
    int64_t holder = 0;
    char line[LINE_BYTES];
    while (holder == 0 && fgets(line, sizeof line, locks) != NULL) {
        int64_t process;
        uint64_t inode;
        /* "2: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"; who waits has "->" in front. */
        if (sscanf(line, "%*d: FLOCK %*s WRITE %" SCNd64 " %*x:%*x:%" SCNu64, &process, &inode) !=
            2)
            continue;
        if (inode == file.st_ino && process > 0 && has_open(process, &file))
            holder = process;
    }
    fclose(locks);
    return holder;
}

int64_t lockholder_find(const char *path)
{
    int64_t first = look(path);
    if (first == 0)
        return 0;
    usleep(BETWEEN_LOOKS_US);
    return look(path) == first ? first : 0;
}
