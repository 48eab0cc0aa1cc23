/* run_corpus.c - main() for a fuzz target where there is no libFuzzer: feeds it the files of its corpus, their
 * beginnings and mutants of them, the same ones in every run. fuzz_NAME without arguments takes tests/corpus/NAME; else
 * the files and folders that are named. Each input ends where an unreadable page begins. Not a fuzzer: it looks at no
 * coverage. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/support.h"

#define PREFIXES_MAX 512 /* of one file */
#define MUTANTS 64       /* of one file */
#define MUTATED_MAX 65536 /* longer files run as they are */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t n_files, n_runs;
static const char *file_name = "the beginning";

static void
run(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = mpm_test_guard(bytes, len);

    LLVMFuzzerTestOneInput(copy, len);
    mpm_test_guard_free(copy, len);
    n_runs++;
}

static void
mutate(uint8_t *bytes, size_t len, uint64_t *seed)
{
    static const uint8_t special[] = { 0, 1, 0x7f, 0x80, 0xff };
    size_t at = mpm_test_below(seed, len), n;

    switch (mpm_test_below(seed, 4)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << mpm_test_below(seed, 8));
        break;
    case 1:
        bytes[at] = special[mpm_test_below(seed, sizeof special)];
        break;
    case 2:
        bytes[at] = (uint8_t)mpm_test_random(seed);
        break;
    case 3: /* a part somewhere else */
        n = mpm_test_below(seed, len - at < 32 ? len - at : 32) + 1;
        memmove(bytes + mpm_test_below(seed, len - n + 1), bytes + at, n);
        break;
    }
}

static int
run_file(const char *path)
{
    size_t len, step;
    uint8_t *bytes = mpm_test_read(path, &len), *mutant;
    uint64_t seed = len;

    if (bytes == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    file_name = path;
    n_files++;
    run(bytes, len);
    step = len / PREFIXES_MAX + 1;
    for (size_t n = 0; n < len && len <= MUTATED_MAX; n += step)
        run(bytes, n);
    mutant = malloc(len + 1);
    for (int i = 0; i < MUTANTS && len != 0 && len <= MUTATED_MAX && mutant != NULL; i++) {
        memcpy(mutant, bytes, len);
        for (size_t n = 1 + mpm_test_below(&seed, 4); n > 0; n--)
            mutate(mutant, len, &seed);
        run(mutant, len);
    }
    free(mutant);
    free(bytes);
    return 0;
}

static int
run_path(const char *path)
{
    struct stat st;
    struct dirent **entries;
    char *name;
    int n, failed = 0;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return run_file(path);
    if ((n = scandir(path, &entries, NULL, alphasort)) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            name = malloc(strlen(path) + strlen(entries[i]->d_name) + 2);
            sprintf(name, "%s/%s", path, entries[i]->d_name);
            failed |= run_path(name);
            free(name);
        }
        free(entries[i]);
    }
    free(entries);
    return failed;
}

/* Says which file it was; what happens then is as without this. */
static void
on_crash(int number)
{
    static const char text[] = "run_corpus: crashed at or near ";

    signal(number, SIG_DFL);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0 || write(STDERR_FILENO, file_name, strlen(file_name)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        _exit(1);
    raise(number);
}

int
main(int argc, char **argv)
{
    const char *program = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
    const char *target = strstr(program, "fuzz_");
    char name[256];
    int failed = 0;

    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    if (argc == 1 && target != NULL) {
        snprintf(name, sizeof name, "corpus/%s", target + strlen("fuzz_"));
        failed = run_path(mpm_test_path(name));
    }
    for (int i = 1; i < argc; i++)
        failed |= run_path(argv[i]);
    printf("%s: %zu files, %zu runs\n", program, n_files, n_runs);
    if (n_files == 0)
        fprintf(stderr, "%s: no corpus\n", program);
    return failed != 0 || n_files == 0;
}
