/* sdnotify.h - telling the service manager how we are. Layer: server. */
#ifndef MPM_SERVER_SDNOTIFY_H
#define MPM_SERVER_SDNOTIFY_H

/* Sends `state` ("READY=1") to $NOTIFY_SOCKET; does nothing when there is none. Failures do not matter to the server
 * and are not told. */
void mpm__sd_notify(const char *state);

#endif
