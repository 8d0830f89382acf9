/* Feeds every file of the folders on the command line to a fuzz target, once, so that what the
 * fuzzer found stays found in builds without libFuzzer. A missing folder is an empty corpus:
 * the empty input and a few bytes are always tried.
 *
 * With --exhaust=N each N-th file is read as often as it takes memory: another allocation fails
 * each time. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/exhaust_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_BYTES = 4096 };

typedef struct Replay {
    int32_t exhausts_one_in; /* 0: none */
    int32_t files;
    int64_t attempts;
} Replay;

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

static void input_read(void *context)
{
    const Input *input = context;
    LLVMFuzzerTestOneInput(input->data, input->size);
}

static int input_exhaust(Replay *replay, Input *input, const char *path)
{
    if (replay->files++ % replay->exhausts_one_in != 0)
        return 0;
    ExhaustResult result = exhaust_run(&(Exhaust){.operation = input_read, .context = input});
    replay->attempts += result.attempts;
    if (result.wrong != NULL)
        fprintf(stderr, "exhaust %s\n%s", path, result.wrong);
    return result.wrong != NULL;
}

static int replay_file(Replay *replay, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        fclose(file);
        return 0;
    }
    size_t size = (size_t)info.st_size;
    /* Exactly as large as the input, so that a sanitizer sees a read past its end. */
    uint8_t *data = malloc(size);
    if (size > 0 && (data == NULL || fread(data, 1, size, file) != size)) {
        perror(path);
        free(data);
        fclose(file);
        return 1;
    }
    fclose(file);
    Input input = {data, size};
    int failures = 0;
    if (replay->exhausts_one_in > 0) {
        failures = input_exhaust(replay, &input, path);
    } else {
        fprintf(stderr, "replay %s\n", path);
        input_read(&input);
    }
    free(data);
    return failures;
}

static int replay_folder(Replay *replay, const char *folder)
{
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return 0;
    int failures = 0;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char path[PATH_BYTES];
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length < 0 || length >= PATH_BYTES)
            failures++;
        else
            failures += replay_file(replay, path);
    }
    closedir(entries);
    return failures;
}

int main(int argc, char **argv)
{
    static const uint8_t few[] = {0, 0xff, '{', '\'', 0x80};
    LLVMFuzzerTestOneInput(few, 0);
    LLVMFuzzerTestOneInput(few, sizeof few);
    static const char exhaust[] = "--exhaust=";
    Replay replay = {0};
    int failures = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], exhaust, strlen(exhaust)) == 0)
            replay.exhausts_one_in = (int32_t)strtol(argv[i] + strlen(exhaust), NULL, 10);
        else
            failures += replay_folder(&replay, argv[i]);
    }
    if (replay.exhausts_one_in > 0)
        printf("%lld allocations failed, one after the other\n", (long long)replay.attempts);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
