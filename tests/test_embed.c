/* The server inside a program: in a thread of its own, in the program's loop, several at once. Its clients are
 * libmpmd's own, in this process and in forked ones. Waits for events only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpmd/client.h>
#include <mpmd/connection.h>
#include <mpmd/server.h>

#include "net/address.h"
#include "support/support.h"

#define HANG (INT64_C(600) * 1000000000) /* decides nothing */
#define KEY .authkey = "key", .authkey_len = 3

static const struct mpm_server_options plain = {.size = sizeof plain, KEY};
static const struct mpm_client_options client_options = {.size = sizeof client_options, KEY};

/* --- a server in a thread ----------------------------------------------------------------------------------------- */

struct running {
    struct mpm_server *server;
    pthread_t thread;
    int result;
};

static void *
run(void *arg)
{
    struct running *r = arg;

    r->result = mpm_server_run(r->server, NULL);
    return NULL;
}

static void
start(struct running *r, const struct mpm_server_options *options)
{
    struct mpm_error err = {0};

    if (mpm_server_open(options, &r->server, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

static void
join_and_close(struct running *r)
{
    pthread_join(r->thread, NULL);
    assert_int_equal(r->result, 0);
    mpm_server_close(r->server);
}

static void
stop(struct running *r)
{
    mpm_server_stop(r->server);
    join_and_close(r);
}

static struct mpm_client *
connected(const char *address)
{
    struct mpm_error err = {0};
    struct mpm_client *c;

    if (mpm_client_open(address, &client_options, &c, &err) != 0)
        fail_msg("%s: %s", address, err.text);
    return c;
}

static struct mpm_proxy *
created(struct mpm_client *c, const char *type)
{
    struct mpm_error err = {0};
    struct mpm_proxy *p;

    if (mpm_create(c, type, NULL, NULL, &p, &err) != 0)
        fail_msg("%s: %s", type, err.text);
    return p;
}

/* p.method(*literal); the result's repr into text, unless it is NULL. */
static int
call(struct mpm_client *c, struct mpm_proxy *p, const char *method, const char *literal, char text[64])
{
    struct mpm_document *d = NULL;
    struct mpm_builder *b;
    char *repr;
    size_t len;
    int r;

    assert_int_equal(mpm_client_builder(c, &b), 0);
    assert_int_equal(mpm_put_literal(b, literal, NULL), 0);
    r = mpm_call(p, method, b, NULL, HANG, text != NULL ? &d : NULL, NULL);
    mpm_builder_close(b);
    if (r == 0 && text != NULL) {
        assert_int_equal(mpm_repr(mpm_document_root(d), &repr, &len), 0);
        snprintf(text, 64, "%s", repr);
        mpm_free(repr);
        mpm_document_close(d);
    }
    return r;
}

/* A list of the server, used for a while. */
static void
use(const char *address)
{
    struct mpm_client *c = connected(address);
    struct mpm_proxy *list = created(c, "list");
    char text[64];

    assert_int_equal(call(c, list, "append", "(1,)", NULL), 0);
    assert_int_equal(call(c, list, "append", "('a',)", NULL), 0);
    assert_int_equal(call(c, list, "__str__", "()", text), 0);
    assert_string_equal(text, "\"[1, 'a']\"");
    mpm_proxy_close(list);
    mpm_client_close(c);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void
a_thread_serves_the_clients_of_its_own_process(void **state)
{
    const char *listen[] = {"127.0.0.1:0", "@mpmd-test-embed"};
    struct mpm_server_options options = plain;
    struct running r;

    (void)state;
    options.listen = listen;
    options.n_listen = 2;
    start(&r, &options);
    assert_memory_equal(mpm_server_address(r.server, 0), "127.0.0.1:", 10);
    assert_string_not_equal(mpm_server_address(r.server, 0), listen[0]);
    assert_string_equal(mpm_server_address(r.server, 1), listen[1]);
    assert_null(mpm_server_address(r.server, 2));
    use(mpm_server_address(r.server, 0));
    use(mpm_server_address(r.server, 1));
    stop(&r);
}

struct user {
    pthread_t thread;
    char address[MPM_ADDRESS_TEXT];
    struct running *server; /* to be stopped at the end, or NULL */
};

static void *
user_thread(void *arg)
{
    struct user *u = arg;

    for (int i = 0; i < 5; i++)
        use(u->address);
    if (u->server != NULL)
        mpm_server_stop(u->server->server);
    return NULL;
}

static void
several_servers_know_nothing_of_each_other(void **state)
{
    struct mpm_proxy *here, *there;
    struct mpm_client *c[2];
    struct running r[3];
    struct user u[3];
    char text[64];

    (void)state;
    for (int i = 0; i < 3; i++) {
        start(&r[i], &plain);
        u[i].server = i != 0 ? &r[i] : NULL;
        strcpy(u[i].address, mpm_server_address(r[i].server, 0));
        assert_int_equal(pthread_create(&u[i].thread, NULL, user_thread, &u[i]), 0);
    }
    c[0] = connected(u[0].address);
    here = created(c[0], "list");
    for (int i = 0; i < 3; i++)
        pthread_join(u[i].thread, NULL);
    for (int i = 1; i < 3; i++)
        join_and_close(&r[i]);
    start(&r[1], &plain);
    c[1] = connected(mpm_server_address(r[1].server, 0));
    assert_int_equal(mpm_proxy_from_token(c[1], mpm_proxy_token(here), &there, NULL), MPM_EREMOTE);
    assert_int_equal(call(c[0], here, "__len__", "()", text), 0);
    assert_string_equal(text, "0");
    mpm_proxy_close(here);
    mpm_client_close(c[0]);
    mpm_client_close(c[1]);
    stop(&r[0]);
    stop(&r[1]);
}

static void
the_programs_own_loop_can_serve(void **state)
{
    struct running r;
    struct user u = {.server = &r};
    struct mpm_error err;
    size_t waits = 0;
    int went_on;

    (void)state;
    assert_int_equal(mpm_server_open(&plain, &r.server, &err), 0);
    strcpy(u.address, mpm_server_address(r.server, 0));
    assert_int_equal(pthread_create(&u.thread, NULL, user_thread, &u), 0);
    while ((went_on = mpm_server_advance(r.server, &err)) == MPM_EAGAIN) {
        struct pollfd p = {.fd = mpm_server_fd(r.server), .events = POLLIN};
        int64_t ns = mpm_server_timeout_ns(r.server);

        /* Rounded up; a wait that nothing ends but a lost wake-up hangs here. */
        assert_true(poll(&p, 1, ns == MPM_FOREVER ? -1 : (int)((ns + 999999) / 1000000)) >= 0);
        waits += ns != 0;
    }
    assert_int_equal(went_on, 0);
    assert_true(waits > 0);
    assert_string_equal(mpm_server_address(r.server, 0), u.address);
    assert_int_equal(mpm_server_advance(r.server, &err), 0);
    assert_int_equal(mpm_server_run(r.server, &err), 0);
    assert_true(mpm_server_timeout_ns(r.server) == MPM_FOREVER);
    pthread_join(u.thread, NULL);
    mpm_server_close(r.server);
}

static void *
waiter_thread(void *arg)
{
    struct user *u = arg;
    struct mpm_client *c = connected(u->address);
    struct mpm_proxy *queue = created(c, "get_queue");
    struct mpm_proxy *event = created(c, "get_event");

    assert_int_equal(call(c, event, "set", "()", NULL), 0);
    assert_int_equal(call(c, queue, "get", "()", NULL), MPM_ECONN);
    mpm_proxy_close(queue);
    mpm_proxy_close(event);
    mpm_client_close(c);
    return NULL;
}

static void
stopping_lets_go_of_those_who_wait(void **state)
{
    const char *registered[] = {"get_queue=Queue", "get_event=Event"};
    struct mpm_server_options options = plain;
    struct mpm_proxy *event;
    struct mpm_client *c;
    struct running r;
    struct user u;

    (void)state;
    options.registrations = registered;
    options.n_registrations = 2;
    start(&r, &options);
    strcpy(u.address, mpm_server_address(r.server, 0));
    assert_int_equal(pthread_create(&u.thread, NULL, waiter_thread, &u), 0);
    c = connected(u.address);
    event = created(c, "get_event");
    assert_int_equal(call(c, event, "wait", "()", NULL), 0);
    mpm_proxy_close(event);
    mpm_client_close(c);
    stop(&r);
    pthread_join(u.thread, NULL);
}

static void
it_can_be_stopped_before_it_runs(void **state)
{
    struct mpm_server *s;
    struct mpm_error err;
    char path[MPM_ADDRESS_TEXT];

    (void)state;
    assert_int_equal(mpm_server_open(&plain, &s, &err), 0);
    strcpy(path, mpm_server_address(s, 0));
    assert_int_equal(access(path, F_OK), 0);
    mpm_server_stop(s);
    assert_int_equal(mpm_server_run(s, &err), 0);
    assert_int_equal(access(path, F_OK), -1);
    mpm_server_close(s);
    assert_int_equal(mpm_server_open(&plain, &s, &err), 0);
    strcpy(path, mpm_server_address(s, 0));
    mpm_server_close(s); /* never ran */
    assert_int_equal(access(path, F_OK), -1);
    mpm_server_close(NULL);
}

static struct mpm_server *stopped_by_signal;

static void
on_signal(int number)
{
    (void)number;
    mpm_server_stop(stopped_by_signal);
}

static void
a_signal_handler_may_stop_it(void **state)
{
    struct sigaction action = {.sa_handler = on_signal}, before;
    struct running r;

    (void)state;
    start(&r, &plain);
    stopped_by_signal = r.server;
    sigaction(SIGUSR1, &action, &before);
    raise(SIGUSR1);
    join_and_close(&r);
    sigaction(SIGUSR1, &before, NULL);
}

static void
a_client_may_end_it(void **state)
{
    struct mpm_error err;
    struct running r;
    struct mpm_connection_options options = {.size = sizeof options, KEY};
    /* (None, 'shutdown', (), {}) */
    static const char request[] = "\x80\2(NX\10\0\0\0shutdown)}t.";
    struct mpm_connection *c;

    (void)state;
    start(&r, &plain);
    assert_int_equal(mpm_connection_open(mpm_server_address(r.server, 0), &options, HANG, &c, &err), 0);
    assert_int_equal(mpm_connection_send(c, request, sizeof request - 1, HANG, &err), 0);
    join_and_close(&r);
    mpm_connection_close(c);
}

static void
what_belongs_to_the_process_is_left_alone(void **state)
{
    struct sigaction now[NSIG], then[NSIG];
    struct rlimit limit, limit_then;
    struct sigaction broken = {.sa_handler = SIG_DFL};
    struct stat st;
    struct running r;
    mode_t mask = umask(0);
    int out[2], saved[2], fd;
    char byte;

    (void)state;
    /* Whatever comes to standard output and error goes into a pipe. */
    assert_int_equal(pipe(out), 0);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        saved[i] = dup(STDOUT_FILENO + i);
        dup2(out[1], STDOUT_FILENO + i);
    }
    close(out[1]);
    sigaction(SIGPIPE, &broken, &then[0]);
    memset(then, 0, sizeof then);
    memset(now, 0, sizeof now);
    for (int i = 1; i < NSIG; i++)
        sigaction(i, NULL, &then[i]);
    getrlimit(RLIMIT_NOFILE, &limit_then);

    start(&r, &plain);
    use(mpm_server_address(r.server, 0));
    assert_int_equal(stat(mpm_server_address(r.server, 0), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    /* Peers that are gone before they are answered: no SIGPIPE. */
    for (int i = 0; i < 20; i++) {
        struct mpm_address a;

        assert_int_equal(mpm__address_parse(mpm_server_address(r.server, 0), &a, NULL), 0);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, &a.u.any, a.len), 0);
        close(fd);
    }
    use(mpm_server_address(r.server, 0));
    for (int i = 1; i < NSIG; i++)
        sigaction(i, NULL, &now[i]);
    getrlimit(RLIMIT_NOFILE, &limit);
    stop(&r);

    for (int i = 0; i < 2; i++) {
        dup2(saved[i], STDOUT_FILENO + i);
        close(saved[i]);
    }
    assert_int_equal(read(out[0], &byte, 1), 0);
    close(out[0]);
    for (int i = 1; i < NSIG; i++)
        assert_true(now[i].sa_handler == then[i].sa_handler);
    assert_true(limit.rlim_cur == limit_then.rlim_cur);
    assert_int_equal(umask(mask), 0);
}

struct lines {
    pthread_t thread;  /* that wrote the last one */
    int n, least;      /* least: the least important one seen */
    char all[4096];
};

static void
keep_line(void *user, enum mpm_log_level level, const char *area, const char *text)
{
    struct lines *l = user;
    size_t len = strlen(l->all);

    l->thread = pthread_self();
    l->n++;
    l->least = (int)level > l->least ? (int)level : l->least;
    snprintf(l->all + len, sizeof l->all - len, "%s %s\n", area, text);
}

static void
each_server_has_a_log_of_its_own(void **state)
{
    struct lines lines[3] = {{.least = -1}, {.least = -1}, {.least = -1}};
    struct mpm_server_options options = plain;
    struct running r[3];

    (void)state;
    options.log = keep_line;
    for (int i = 0; i < 3; i++) {
        options.log_user = &lines[i];
        options.log_level = i == 0 ? MPM_LOG_DEBUG : i == 1 ? MPM_LOG_INFO : MPM_LOG_NONE;
        start(&r[i], &options);
    }
    use(mpm_server_address(r[0].server, 0));
    for (int i = 0; i < 3; i++) {
        pthread_t thread = r[i].thread;

        mpm_server_stop(r[i].server);
        pthread_join(thread, NULL);
        assert_true(lines[i].n == 0 || pthread_equal(lines[i].thread, thread));
        mpm_server_close(r[i].server);
    }
    assert_int_equal(lines[0].least, MPM_LOG_DEBUG);
    assert_int_equal(lines[1].least, MPM_LOG_INFO);
    assert_int_equal(lines[2].n, 0);
    assert_non_null(strstr(lines[0].all, "session session="));
    assert_null(strstr(lines[1].all, "session="));
    assert_non_null(strstr(lines[1].all, "server event=listening address=/"));
    assert_non_null(strstr(lines[1].all, "server event=stopping why=\"the program asked for it\" connections=0\n"));
    assert_null(strchr(strstr(lines[1].all, "event=stopped"), '?'));
}

/* The child takes the lock, and dies when it is killed. */
static pid_t
fork_holder(int address_fd)
{
    char address[MPM_ADDRESS_TEXT] = "";
    struct mpm_client *c;
    struct mpm_proxy *lock, *event;
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (read(address_fd, address, sizeof address) <= 0)
        _exit(1);
    c = connected(address);
    lock = created(c, "get_lock");
    event = created(c, "get_event");
    if (call(c, lock, "acquire", "()", NULL) != 0 || call(c, event, "set", "()", NULL) != 0)
        _exit(1);
    for (;;)
        pause();
}

static void
what_a_dead_process_held_is_released(void **state)
{
    const char *registered[] = {"get_lock=Lock", "get_event=Event()"};
    struct mpm_server_options options = plain;
    struct mpm_proxy *lock, *event;
    struct mpm_client *c;
    struct running r;
    char text[64];
    int fd[2], pidfd;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fd), 0);
    pid = fork_holder(fd[0]);
    options.registrations = registered;
    options.n_registrations = 2;
    options.on_owner_death = MPM_DEATH_RELEASE;
    start(&r, &options);
    assert_true(write(fd[1], mpm_server_address(r.server, 0), strlen(mpm_server_address(r.server, 0)) + 1) > 0);
    c = connected(mpm_server_address(r.server, 0));
    lock = created(c, "get_lock");
    event = created(c, "get_event");
    assert_int_equal(call(c, event, "wait", "()", NULL), 0);
    assert_int_equal(call(c, lock, "acquire", "(False,)", text), 0);
    assert_string_equal(text, "False");
    kill(pid, SIGKILL);
    /* Where there are pidfds (valgrind 3.19 knows none), its death shows before anybody has waited for it. */
    if ((pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0)) < 0)
        waitpid(pid, NULL, 0);
    else
        close(pidfd);
    assert_int_equal(call(c, lock, "acquire", "()", text), 0);
    assert_string_equal(text, "True");
    waitpid(pid, NULL, 0);
    close(fd[0]);
    close(fd[1]);
    mpm_proxy_close(lock);
    mpm_proxy_close(event);
    mpm_client_close(c);
    stop(&r);
}

static void
a_forked_child_cannot_harm_it(void **state)
{
    struct mpm_server *s;
    struct mpm_error err;
    struct running r;
    pid_t pid;
    int status;

    (void)state;
    assert_int_equal(mpm_server_open(&plain, &s, &err), 0);
    pid = fork();
    if (pid == 0) {
        int ok = mpm_server_run(s, &err) == MPM_EINVAL && mpm_server_advance(s, NULL) == MPM_EINVAL;

        mpm_server_close(s);
        _exit(ok ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    r.server = s;
    assert_int_equal(pthread_create(&r.thread, NULL, run, &r), 0);
    use(mpm_server_address(s, 0));
    stop(&r);
}

static void
bad_options_are_refused_by_name(void **state)
{
    static const char *const no_address[] = {"localhost:many"}, *const empty[] = {""};
    static const char *const no_type[] = {"get_lock"}, *const no_such[] = {"x=NoSuchType"};
    static const struct {
        struct mpm_server_options options;
        const char *text;
    } cases[] = {
        {{.size = 1, KEY}, "options.size"},
        {{.size = sizeof plain}, "authkey"},
        {{.size = sizeof plain, .authkey = "", .authkey_len = 0}, "authkey"},
        {{.size = sizeof plain, .authkey = "key", .authkey_len = 65537}, "authkey_len 65537"},
        {{.size = sizeof plain, KEY, .listen = no_address, .n_listen = 1}, "localhost:many: the port"},
        {{.size = sizeof plain, KEY, .listen = empty, .n_listen = 1}, "the address is empty"},
        {{.size = sizeof plain, KEY, .registrations = no_type, .n_registrations = 1}, "'get_lock'"},
        {{.size = sizeof plain, KEY, .registrations = no_such, .n_registrations = 1}, "NoSuchType"},
        {{.size = sizeof plain, KEY, .on_owner_death = (enum mpm_death_policy)3}, "on_owner_death 3"},
        {{.size = sizeof plain, KEY, .log_level = (enum mpm_log_level)4}, "log_level 4"},
        {{.size = sizeof plain, KEY, .log_level = (enum mpm_log_level)-2}, "log_level -2"},
        {{.size = sizeof plain, KEY, .max_connections = 1048577}, "max_connections 1048577"},
        {{.size = sizeof plain, KEY, .max_message = 1023}, "max_message 1023"},
        {{.size = sizeof plain, KEY, .max_message = UINT64_C(1) << 32}, "max_message 4294967296"},
        {{.size = sizeof plain, KEY, .max_memory = UINT64_MAX}, "max_memory"},
        {{.size = sizeof plain, KEY, .auth_timeout_ns = -1}, "auth_timeout_ns -1"},
    };
    struct mpm_server *untouched = (struct mpm_server *)(uintptr_t)&plain, *s = untouched;
    struct mpm_error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(mpm_server_open(&cases[i].options, &s, &err), MPM_EINVAL);
        assert_int_equal(err.code, MPM_EINVAL);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
        assert_int_equal(mpm_server_open(&cases[i].options, &s, NULL), MPM_EINVAL);
        assert_ptr_equal(s, untouched);
    }
}

static void
an_address_in_use_is_told(void **state)
{
    const char *listen[2] = {"@mpmd-test-embed-2", NULL};
    struct mpm_server_options options = plain;
    struct mpm_server *s, *other;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_server_open(&plain, &s, &err), 0);
    listen[1] = mpm_server_address(s, 0);
    options.listen = listen;
    options.n_listen = 2;
    assert_int_equal(mpm_server_open(&options, &other, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "a server is listening there"));
    assert_non_null(strstr(err.text, listen[1]));
    mpm_server_close(s);
}

static int
open_turn_close(void)
{
    static const char *const listen[] = {"127.0.0.1:0", "@mpmd-test-embed-3"};
    static const char *const registered[] = {"get_list=list([1, 2])", "get_lock=Lock"};
    struct mpm_server_options options = plain;
    struct mpm_server *s;
    struct mpm_error err = {0};
    int r;

    options.listen = listen;
    options.n_listen = 2;
    options.registrations = registered;
    options.n_registrations = 2;
    if ((r = mpm_server_open(&options, &s, &err)) != 0) {
        assert_int_equal(err.code, r);
        return r;
    }
    assert_int_equal(mpm_server_advance(s, &err), MPM_EAGAIN);
    mpm_server_stop(s);
    assert_int_equal(mpm_server_run(s, &err), 0);
    mpm_server_close(s);
    return 0;
}

static void
without_memory_it_does_not_open_and_leaves_nothing(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(open_turn_close) > 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_serves_the_clients_of_its_own_process),
        cmocka_unit_test(several_servers_know_nothing_of_each_other),
        cmocka_unit_test(the_programs_own_loop_can_serve),
        cmocka_unit_test(stopping_lets_go_of_those_who_wait),
        cmocka_unit_test(it_can_be_stopped_before_it_runs),
        cmocka_unit_test(a_signal_handler_may_stop_it),
        cmocka_unit_test(a_client_may_end_it),
        cmocka_unit_test(what_belongs_to_the_process_is_left_alone),
        cmocka_unit_test(each_server_has_a_log_of_its_own),
        cmocka_unit_test(what_a_dead_process_held_is_released),
        cmocka_unit_test(a_forked_child_cannot_harm_it),
        cmocka_unit_test(bad_options_are_refused_by_name),
        cmocka_unit_test(an_address_in_use_is_told),
        cmocka_unit_test(without_memory_it_does_not_open_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
