/* weir: real-time pipelines in one program. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

/* Batches come and go by the thousand; given back to the system each time, their pages would have
 * to be cleared and mapped anew. */
enum { HEAP_KEPT_BYTES = 16 * 1024 * 1024, HEAP_PIECE_BYTES = 4 * 1024 * 1024 };

int main(int argc, char **argv)
{
    mallopt(M_MMAP_THRESHOLD, HEAP_PIECE_BYTES);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
    ExitCode code = cli_main(argc, argv);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* they report behind it */
    return code;
#else
    /* What libraries would tidy up takes milliseconds, in which a job that is over could be killed
     * with nothing left to say so (recover_leave). */
    fflush(NULL);
    _exit(code);
#endif
}
