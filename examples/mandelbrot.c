/*
 * mandelbrot.c - rows of the Mandelbrot set as jobs for Python: see mandelbrot.py.
 *
 * Build: cc mandelbrot.c -o mandelbrot $(pkg-config --cflags --libs mpmd)
 */
#include <stdio.h>
#include <stdlib.h>

#include <mpmd/mpmd.h>

#define STEPS 200

/* How many steps until the point has left the circle. */
static unsigned char
steps(double re, double im)
{
    double x = 0, y = 0, t;
    int n = 0;

    while (n < STEPS && x * x + y * y <= 4) {
        t = x * x - y * y + re;
        y = 2 * x * y + im;
        x = t;
        n++;
    }
    return (unsigned char)n;
}

/* mandelbrot_row(y, width, height) -> bytes */
static int
mandelbrot_row(struct mpm_job *job, void *arg)
{
    int64_t v[3];
    unsigned char *row;

    (void)arg;
    if (job->n_args != 3)
        return mpm_job_raise(job, "TypeError", "mandelbrot_row() takes y, width and height");
    for (int i = 0; i < 3; i++)
        if (mpm_read_int64(job->args[i], &v[i]) != 0)
            return mpm_job_raise(job, "TypeError", "mandelbrot_row() takes ints");
    if (v[0] < 0 || v[1] < 1 || v[1] > 100000 || v[2] <= v[0])
        return mpm_job_raise(job, "ValueError", "there is no row %lld", (long long)v[0]);
    row = malloc((size_t)v[1]);
    if (row == NULL)
        return MPM_ENOMEM;
    for (int64_t x = 0; x < v[1]; x++)
        row[x] = steps(3.0 * (double)x / (double)v[1] - 2.2, 2.4 * (double)v[0] / (double)v[2] - 1.2);
    mpm_put_bytes(job->result, row, (size_t)v[1]);
    free(row);
    return 0;
}

int
main(void)
{
    struct mpm_worker_options options = { .size = sizeof options };
    struct mpm_worker *pool;
    struct mpm_error err = { 0 };

    if (mpm_worker_open(&options, &pool, &err) != 0 ||
        mpm_worker_register(pool, "mandelbrot_row", mandelbrot_row, NULL) != 0 || mpm_worker_run(pool, &err) != 0) {
        fprintf(stderr, "mandelbrot: %s\n", err.text);
        return 1;
    }
    mpm_worker_close(pool);
    return 0;
}
