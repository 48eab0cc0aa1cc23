/* daemon.c - processes that the tests of the client talk to. */
#include "daemon.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

int
mpm_test_daemon_start(struct mpm_test_daemon *d)
{
    const char *top = getenv("top_builddir");
    char program[512], key_fd[16], line[128];
    int key[2], ready[2];

    strcpy(d->dir, "/tmp/mpmd-test-XXXXXX");
    snprintf(program, sizeof program, "%s/mpmd", top != NULL ? top : ".");
    if (mkdtemp(d->dir) == NULL || pipe(key) != 0 || pipe(ready) != 0 || write(key[1], "key", 3) != 3)
        return -1;
    snprintf(d->address, sizeof d->address, "%s/s", d->dir);
    d->pid = fork();
    if (d->pid == 0) {
        close(key[1]);
        close(ready[0]);
        dup2(ready[1], STDOUT_FILENO);
        snprintf(key_fd, sizeof key_fd, "%d", key[0]);
        execl(program, program, "--listen", d->address, "--authkey-fd", key_fd, "--log-level", "error", (char *)NULL);
        _exit(127);
    }
    close(key[0]);
    close(key[1]);
    close(ready[1]);
    if (d->pid < 0 || read(ready[0], line, sizeof line) <= 0)
        return -1;
    close(ready[0]);
    return 0;
}

int
mpm_test_daemon_stop(struct mpm_test_daemon *d)
{
    int status;

    kill(d->pid, SIGTERM);
    waitpid(d->pid, &status, 0);
    rmdir(d->dir);
    return status;
}

struct mpm_test_daemon served;

int
mpm_test_daemon_come(void **state)
{
    (void)state;
    return mpm_test_daemon_start(&served);
}

int
mpm_test_daemon_go(void **state)
{
    (void)state;
    return mpm_test_daemon_stop(&served);
}

/* --- the relay ---------------------------------------------------------------------------------------------------- */

#define PAIRS 16

static volatile sig_atomic_t ended;

static void
on_term(int number)
{
    (void)number;
    ended = 1;
}

static struct {
    int client, server; /* -1: free */
} pairs[PAIRS];

static int
unix_socket(const char *path, struct sockaddr_un *a)
{
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void
close_pair(int i)
{
    close(pairs[i].client);
    close(pairs[i].server);
    pairs[i].client = pairs[i].server = -1;
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static void
accept_one(int listener, const char *target, bool refuse)
{
    struct sockaddr_un a;
    int fd = accept(listener, NULL, NULL), i = 0;

    while (i < PAIRS && pairs[i].client >= 0)
        i++;
    if (fd < 0 || refuse || i == PAIRS) {
        close(fd);
        return;
    }
    pairs[i].client = fd;
    pairs[i].server = unix_socket(target, &a);
    if (connect(pairs[i].server, (struct sockaddr *)&a, sizeof a) != 0)
        close_pair(i);
}

/* One read from one side to the other. *left: how many bytes may still pass this way; false: it is to cut. */
static bool
pass_on(int i, bool from_client, uint64_t *left)
{
    char bytes[4096];
    size_t room = left != NULL && *left < sizeof bytes ? (size_t)*left : sizeof bytes;
    ssize_t n;

    if (room == 0)
        return false;
    n = recv(from_client ? pairs[i].client : pairs[i].server, bytes, room, 0);
    if (n <= 0 || !write_all(from_client ? pairs[i].server : pairs[i].client, bytes, (size_t)n)) {
        close_pair(i);
        return true;
    }
    if (left != NULL)
        *left -= (uint64_t)n;
    return true;
}

static void
relay(int listener, const char *target, bool from_client, uint64_t left, bool stays_dead)
{
    struct pollfd p[1 + 2 * PAIRS];
    bool has_cut = false, cut_now;

    for (;;) {
        p[0] = (struct pollfd){ listener, POLLIN, 0 };
        for (int i = 0; i < PAIRS; i++) {
            p[1 + 2 * i] = (struct pollfd){ pairs[i].client, POLLIN, 0 };
            p[2 + 2 * i] = (struct pollfd){ pairs[i].server, POLLIN, 0 };
        }
        if (poll(p, 1 + 2 * PAIRS, -1) < 0 || ended)
            _exit(has_cut);
        cut_now = false;
        for (int i = 0; i < PAIRS && !cut_now; i++)
            for (int side = 0; side < 2 && !cut_now; side++)
                if (pairs[i].client >= 0 && (p[1 + 2 * i + side].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                    cut_now = !pass_on(i, side == 0, !has_cut && (side == 0) == from_client ? &left : NULL);
        if (cut_now) {
            has_cut = true;
            for (int i = 0; i < PAIRS; i++)
                if (pairs[i].client >= 0)
                    close_pair(i);
        }
        if ((p[0].revents & POLLIN) != 0)
            accept_one(listener, target, has_cut && stays_dead);
    }
}

pid_t
mpm_test_relay(const char *address, const char *target, bool from_client, uint64_t n_bytes, bool stays_dead)
{
    struct sockaddr_un a;
    int listener = unix_socket(address, &a);
    pid_t pid;

    unlink(address);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 16) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL);
        for (int i = 0; i < PAIRS; i++)
            pairs[i].client = pairs[i].server = -1;
        relay(listener, target, from_client, n_bytes, stays_dead);
    }
    close(listener);
    return pid;
}

bool
mpm_test_relay_stop(pid_t pid)
{
    int status = 0;

    /* again and again: a signal that comes just before poll() does not end that */
    while (waitpid(pid, &status, WNOHANG) == 0) {
        kill(pid, SIGTERM);
        usleep(200);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}
