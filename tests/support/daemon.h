/* daemon.h - an mpmd for the tests of the client, and a relay before it that fails where it is told to. Without cmocka. */
#ifndef MPM_TESTS_DAEMON_H
#define MPM_TESTS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mpm_test_daemon {
    char dir[32], address[64];
    pid_t pid;
};

/* Starts $top_builddir/mpmd with the key "key" and waits until it accepts connections. Returns 0 or -1. */
int mpm_test_daemon_start(struct mpm_test_daemon *d);
/* Ends it. Returns its wait status. */
int mpm_test_daemon_stop(struct mpm_test_daemon *d);

/* One for a group of tests: its set-up and tear-down. */
extern struct mpm_test_daemon served;
int mpm_test_daemon_come(void **state);
int mpm_test_daemon_go(void **state);

/*
 * A process that listens at `address` and passes on what comes, between each connection and one to `target`. Of all
 * bytes from clients (`from_client`) or to them it passes on `n_bytes`; then it closes what it has, and from then on
 * each new connection at once if `stays_dead`, else it goes on and cuts no more. Returns its pid, or -1.
 */
pid_t mpm_test_relay(const char *address, const char *target, bool from_client, uint64_t n_bytes, bool stays_dead);
/* Ends it. true: it has cut. */
bool mpm_test_relay_stop(pid_t pid);

#endif
