/* Feeds every file of the folders on the command line to a fuzz target, once, so that what the
 * fuzzer found stays found in builds without libFuzzer. A missing folder is an empty corpus:
 * the empty input and a few bytes are always tried. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_BYTES = 4096 };

static int replay_file(const char *path)
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
    fprintf(stderr, "replay %s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int replay_folder(const char *folder)
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
            failures += replay_file(path);
    }
    closedir(entries);
    return failures;
}

int main(int argc, char **argv)
{
    static const uint8_t few[] = {0, 0xff, '{', '\'', 0x80};
    LLVMFuzzerTestOneInput(few, 0);
    LLVMFuzzerTestOneInput(few, sizeof few);
    int failures = 0;
    for (int i = 1; i < argc; i++)
        failures += replay_folder(argv[i]);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
