/* Calls of the system that go wrong, for a real program: LD_PRELOAD.
 *
 *   WEIR_FAULTS_LOG    what is said of each sync is appended to this file: "sync NUMBER FILE ok
 * PATH", or the error's number in place of ok; FILE is its device, inode and birth WEIR_FAULTS_SYNC
 * this one of fsync and fdatasync fails, counted from 1; and what was written to the file since its
 * last sync, or since it was opened, is gone: its pages are taken for written, as Linux does it,
 * and memory is short WEIR_FAULTS_ERRNO  with this error WEIR_FAULTS_LOSE   cut: the file ends
 * before what is gone; zeros: there are zeros in its place; keep: nothing is gone WEIR_FAULTS_SHORT
 * a seed: about a third of all reads and writes of files and sockets is interrupted, about a third
 * does less than it was asked for
 *
 * The calls below go to the system by themselves, past the library. */
#undef _FILE_OFFSET_BITS /* else open is another name of open64, and both are needed */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 65536, PATH_BYTES_MAX = 512 };

/* A file by what no other one has had: an inode is given again as soon as it is free. */
typedef struct Identity {
    uint64_t device, inode;
    int64_t born_s, born_ns;
} Identity;

typedef struct Known {
    Identity file;
    int64_t durable_bytes;
} Known;

static int log_descriptor = -1;
static int64_t failing_sync;
static int failing_errno = EIO;
static const char *losing = "keep";
static bool is_short;
static atomic_uint_fast64_t chance, sync_count, call_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Known files[FILES_MAX];
static int file_count;

static int64_t number_of(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WEIR_FAULTS_LOG");
    if (path != NULL)
        log_descriptor = (int)syscall(SYS_openat, AT_FDCWD, path,
                                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    failing_sync = number_of("WEIR_FAULTS_SYNC");
    if (number_of("WEIR_FAULTS_ERRNO") != 0)
        failing_errno = (int)number_of("WEIR_FAULTS_ERRNO");
    if (getenv("WEIR_FAULTS_LOSE") != NULL)
        losing = getenv("WEIR_FAULTS_LOSE");
    is_short = getenv("WEIR_FAULTS_SHORT") != NULL;
    atomic_store(&chance, (uint64_t)number_of("WEIR_FAULTS_SHORT"));
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[PATH_BYTES_MAX + 200];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (log_descriptor >= 0 && length > 0)
        (void)!syscall(SYS_write, log_descriptor, line, (size_t)length);
}

/* ---- Syncs ----------------------------------------------------------------------------------- */

static bool identify(int descriptor, Identity *file, struct statx *info)
{
    if (syscall(SYS_statx, descriptor, "", AT_EMPTY_PATH,
                STATX_TYPE | STATX_SIZE | STATX_INO | STATX_BTIME, info) != 0)
        return false;
    *file = (Identity){.device = (uint64_t)info->stx_dev_major << 32 | info->stx_dev_minor,
                       .inode = info->stx_ino,
                       .born_s = info->stx_btime.tv_sec,
                       .born_ns = info->stx_btime.tv_nsec};
    return true;
}

/* Under the lock. NULL if there is no room; a new one is durable as it is. */
static Known *know(const Identity *file, int64_t bytes)
{
    for (int i = file_count - 1; i >= 0; i--)
        if (memcmp(&files[i].file, file, sizeof *file) == 0)
            return &files[i];
    if (file_count == FILES_MAX)
        return NULL;
    files[file_count] = (Known){.file = *file, .durable_bytes = bytes};
    return &files[file_count++];
}

static void lose(int descriptor, const Known *known, const struct statx *info)
{
    int64_t bytes = (int64_t)info->stx_size;
    if (!S_ISREG(info->stx_mode) || strcmp(losing, "keep") == 0 || known->durable_bytes >= bytes)
        return;
    if (syscall(SYS_ftruncate, descriptor, known->durable_bytes) == 0 &&
        strcmp(losing, "zeros") == 0)
        (void)!syscall(SYS_ftruncate, descriptor, bytes);
}

static int sync_or_fail(int descriptor, long call)
{
    int64_t number = (int64_t)atomic_fetch_add(&sync_count, 1) + 1;
    struct statx info = {0};
    Identity file = {0};
    bool is_known = identify(descriptor, &file, &info);
    char link[64], path[PATH_BYTES_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    (void)!syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    bool fails = number == failing_sync;
    int result = fails ? -1 : (int)syscall(call, descriptor);
    int code = fails ? failing_errno : errno;
    pthread_mutex_lock(&lock);
    Known *known = is_known ? know(&file, 0) : NULL;
    if (fails && known != NULL)
        lose(descriptor, known, &info);
    else if (result == 0 && known != NULL)
        known->durable_bytes = (int64_t)info.stx_size;
    pthread_mutex_unlock(&lock);
    char word[16] = "ok";
    if (result != 0)
        snprintf(word, sizeof word, "%d", code);
    say("sync %lld %llx:%llx:%llx.%llx %s %s\n", (long long)number, (unsigned long long)file.device,
        (unsigned long long)file.inode, (unsigned long long)file.born_s,
        (unsigned long long)file.born_ns, word, path);
    errno = code;
    return result;
}

int fsync(int descriptor)
{
    return sync_or_fail(descriptor, SYS_fsync);
}

int fdatasync(int descriptor)
{
    return sync_or_fail(descriptor, SYS_fdatasync);
}

/* What is in a file when it is opened is taken for durable. */
static int open_and_know(const char *path, int flags, mode_t mode)
{
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    struct statx info = {0};
    Identity file;
    bool is_written = (flags & O_ACCMODE) != O_RDONLY;
    if (descriptor < 0 || !is_written || !identify(descriptor, &file, &info))
        return descriptor;
    pthread_mutex_lock(&lock);
    Known *known = know(&file, (int64_t)info.stx_size);
    if (known != NULL && known->durable_bytes > (int64_t)info.stx_size)
        known->durable_bytes = (int64_t)info.stx_size;
    pthread_mutex_unlock(&lock);
    return descriptor;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_and_know(path, flags, mode);
}

int open64(const char *path, int flags, ...);
int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_and_know(path, flags, mode);
}

/* ---- Reads and writes ------------------------------------------------------------------------ */

static uint64_t next_chance(void)
{
    uint64_t value = atomic_fetch_add(&chance, UINT64_C(0x9e3779b97f4a7c15));
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

/* How much of a call is done; -1: it is interrupted. */
static int64_t part_of(int descriptor, size_t bytes)
{
    struct stat info;
    if (!is_short || bytes == 0 || syscall(SYS_fstat, descriptor, &info) != 0 ||
        !(S_ISREG(info.st_mode) || S_ISSOCK(info.st_mode)))
        return (int64_t)bytes;
    if (atomic_fetch_add(&call_count, 1) == 50)
        say("short\n");
    uint64_t value = next_chance();
    if (value % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return value % 3 == 1 ? 1 + (int64_t)(value / 3 % bytes) : (int64_t)bytes;
}

ssize_t read(int descriptor, void *into, size_t bytes)
{
    int64_t part = part_of(descriptor, bytes);
    return part < 0 ? -1 : syscall(SYS_read, descriptor, into, part);
}

ssize_t write(int descriptor, const void *from, size_t bytes)
{
    int64_t part = part_of(descriptor, bytes);
    return part < 0 ? -1 : syscall(SYS_write, descriptor, from, part);
}

ssize_t pread(int descriptor, void *into, size_t bytes, off_t offset)
{
    int64_t part = part_of(descriptor, bytes);
    return part < 0 ? -1 : syscall(SYS_pread64, descriptor, into, part, offset);
}

ssize_t pwrite(int descriptor, const void *from, size_t bytes, off_t offset)
{
    int64_t part = part_of(descriptor, bytes);
    return part < 0 ? -1 : syscall(SYS_pwrite64, descriptor, from, part, offset);
}

ssize_t pread64(int descriptor, void *into, size_t bytes, off_t offset);
ssize_t pread64(int descriptor, void *into, size_t bytes, off_t offset)
{
    return pread(descriptor, into, bytes, offset);
}

ssize_t pwrite64(int descriptor, const void *from, size_t bytes, off_t offset);
ssize_t pwrite64(int descriptor, const void *from, size_t bytes, off_t offset)
{
    return pwrite(descriptor, from, bytes, offset);
}

/* Of several pieces, the first ones that are whole, or a part of the first. */
static ssize_t pieces(long call, int descriptor, const struct iovec *items, int count)
{
    size_t all = 0;
    for (int i = 0; i < count; i++)
        all += items[i].iov_len;
    int64_t part = part_of(descriptor, all);
    if (part < 0)
        return -1;
    if (part == (int64_t)all)
        return syscall(call, descriptor, items, count);
    int whole = 0;
    for (size_t sum = 0; whole < count && sum + items[whole].iov_len <= (size_t)part; whole++)
        sum += items[whole].iov_len;
    if (whole > 0)
        return syscall(call, descriptor, items, whole);
    struct iovec first = {.iov_base = items[0].iov_base, .iov_len = (size_t)part};
    return syscall(call, descriptor, &first, 1);
}

ssize_t readv(int descriptor, const struct iovec *items, int count)
{
    return pieces(SYS_readv, descriptor, items, count);
}

ssize_t writev(int descriptor, const struct iovec *items, int count)
{
    return pieces(SYS_writev, descriptor, items, count);
}

/* What the compiler makes of the calls when it checks the room that they are given. */
ssize_t __read_chk(int descriptor, void *into, size_t bytes, size_t room);
ssize_t __read_chk(int descriptor, void *into, size_t bytes, size_t room)
{
    return bytes > room ? (abort(), -1) : read(descriptor, into, bytes);
}

ssize_t __pread64_chk(int descriptor, void *into, size_t bytes, off_t offset, size_t room);
ssize_t __pread64_chk(int descriptor, void *into, size_t bytes, off_t offset, size_t room)
{
    return bytes > room ? (abort(), -1) : pread(descriptor, into, bytes, offset);
}

ssize_t __pread_chk(int descriptor, void *into, size_t bytes, off_t offset, size_t room);
ssize_t __pread_chk(int descriptor, void *into, size_t bytes, off_t offset, size_t room)
{
    return bytes > room ? (abort(), -1) : pread(descriptor, into, bytes, offset);
}
