/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tkd-console: one login on the twin for somebody in the old kernel. Systemd
 * starts it with the connection that it accepted; it runs a program, login(1) as
 * a rule, on a terminal of its own and passes on what goes in and out.
 *
 *   tkd-console PROGRAM [ARGUMENT...]
 */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "channel.h"
#include "console-io.h"
#include "log.h"
#include "signals.h"
#include "twin-device.h"

#define BEGIN_MSEC      10000
#define HANGUP_MSEC     20

typedef struct Session {
        char **program;
        int peer;                       /* the old kernel */
        int terminal;                   /* master of the pty, negative: the login has not begun */
        int process;                    /* pidfd of the program */
        bool hung_up;                   /* the terminal; login(1) does that once, and opens it again */
        struct winsize size;
        ConsoleBuffer frames;           /* have come from the peer */
        ConsoleBuffer keys;             /* go to the terminal */
        ConsoleBuffer screen;           /* goes to the peer */
} Session;

/* The terminal of a kernel that has the machine is nobody's from outside. */
static bool is_twin(void) {
        _cleanup_close_ int fd = twin_device.open();
        struct twin_info info;

        return fd >= 0 && twin_device.info(fd, &info) >= 0 && (info.flags & TWIN_INFO_IS_TWIN) &&
                !(info.flags & TWIN_INFO_OWNS_MACHINE);
}

static bool peer_may_enter(int fd) {
        struct sockaddr_storage a = {};
        socklen_t size = sizeof(a);

        if (getsockname(fd, (struct sockaddr *) &a, &size) < 0)
                return false;
        return a.ss_family != AF_VSOCK || (channel_peer_is_root(fd) && is_twin());
}

static void run_program(Session *s, const char *term) {
        reset_signals();
        setenv("TERM", term, 1);
        execvp(s->program[0], s->program);
        log_error_errno(-errno, "Cannot run %s: %m", s->program[0]);
        _exit(EXIT_FAILURE);
}

static int begin_login(Session *s, const char *term) {
        pid_t pid;

        if (s->terminal >= 0)
                return -EBADMSG;
        pid = forkpty(&s->terminal, NULL, NULL, &s->size);
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_program(s, term);
        s->process = pidfd_open(pid, 0);
        if (s->process < 0)
                return -errno;
        return fcntl(s->terminal, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int set_size(Session *s, const uint8_t *data, size_t size) {
        ConsoleSize new_size;

        if (size != sizeof(new_size))
                return -EBADMSG;
        memcpy(&new_size, data, sizeof(new_size));
        s->size = (struct winsize) { .ws_row = new_size.rows, .ws_col = new_size.columns };
        return s->terminal >= 0 && ioctl(s->terminal, TIOCSWINSZ, &s->size) < 0 ? -errno : 0;
}

static int handle_frame(Session *s, ConsoleType type, const uint8_t *data, size_t size) {
        _cleanup_free_ char *term = NULL;

        switch (type) {
        case CONSOLE_DATA:
                console_append(&s->keys, data, size);
                return 0;
        case CONSOLE_SIZE:
                return set_size(s, data, size);
        case CONSOLE_TERM:
                term = strndup((const char *) data, size);
                return term ? begin_login(s, term) : -ENOMEM;
        default:
                return 0;               /* of a newer tkctl */
        }
}

/* As many frames as the terminal has room for. */
static int handle_frames(Session *s) {
        while (console_room(&s->keys) >= CONSOLE_FRAME_MAX) {
                ConsoleType type;
                size_t size;
                int r;

                r = console_next(&s->frames, &type, &size);
                if (r <= 0)
                        return r;
                r = handle_frame(s, type, s->frames.data + CONSOLE_HEAD, size);
                if (r < 0)
                        return r;
                console_drop(&s->frames, CONSOLE_HEAD + size);
        }
        return 0;
}

static int serve_peer(Session *s, short events) {
        int r = 0;

        if (events & POLLOUT)
                r = console_drain(&s->screen, s->peer);
        if (r >= 0 && (events & (POLLIN | POLLHUP | POLLERR))) {
                r = console_fill(&s->frames, s->peer);
                if (r == 0)
                        return -ECONNRESET;
                r = r == -EAGAIN ? 0 : r;
        }
        return r;
}

static int serve_terminal(Session *s, short events) {
        int r = 0;

        if (events & POLLOUT)
                r = console_drain(&s->keys, s->terminal);
        if (r >= 0 && (events & (POLLIN | POLLHUP)))
                r = console_fill(&s->screen, s->terminal);
        s->hung_up = r == -EIO || (events & POLLHUP && r <= 0);
        return r == -EIO || r == -EAGAIN ? 0 : r;
}

static short wanted(const ConsoleBuffer *in, const ConsoleBuffer *out) {
        return (short) ((console_room(in) > 0 ? POLLIN : 0) | (out->size > 0 ? POLLOUT : 0));
}

static int relay_once(Session *s) {
        struct pollfd p[] = {
                { .fd = s->peer, .events = wanted(&s->frames, &s->screen) },
                { .fd = s->hung_up ? -1 : s->terminal, .events = wanted(&s->screen, &s->keys) },
                { .fd = s->process, .events = POLLIN },
        };
        int r;

        r = poll(p, ELEMENTSOF(p), s->terminal < 0 ? BEGIN_MSEC : s->hung_up ? HANGUP_MSEC : -1);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        if (r == 0 && s->terminal < 0)
                return -ETIMEDOUT;
        s->hung_up = false;
        r = serve_peer(s, p[0].revents);
        if (r >= 0)
                r = serve_terminal(s, p[1].revents);
        if (r >= 0)
                r = handle_frames(s);
        return r < 0 ? r : p[2].revents != 0;
}

/* Until the program has ended: 1, or the peer has gone: -ECONNRESET, or another negative errno. */
static int relay(Session *s) {
        int r;

        do
                r = relay_once(s);
        while (r == 0);
        return r;
}

/* What the program said last shall arrive. */
static void flush(Session *s) {
        do {
                struct pollfd p = { .fd = s->peer, .events = POLLOUT };

                (void) console_fill(&s->screen, s->terminal);
                if (s->screen.size == 0 || poll(&p, 1, BEGIN_MSEC) <= 0 || (p.revents & (POLLERR | POLLHUP)))
                        return;
        } while (console_drain(&s->screen, s->peer) >= 0);
}

int main(int argc, char *argv[]) {
        Session s = { .program = argv + 1, .peer = SD_LISTEN_FDS_START, .terminal = -EBADF, .process = -EBADF };
        int r;

        log_setup();
        signal(SIGPIPE, SIG_IGN);
        if (argc < 2 || sd_listen_fds(1) != 1) {
                log_error("tkd-console is started by its socket, with the program to run");
                return EXIT_FAILURE;
        }
        if (!peer_may_enter(s.peer)) {
                log_warning("A login was refused: it is not of root in the old kernel, or this kernel is no twin");
                return EXIT_FAILURE;
        }
        if (fcntl(s.peer, F_SETFL, O_NONBLOCK) < 0) {
                log_error_errno(-errno, "Cannot use the connection: %m");
                return EXIT_FAILURE;
        }
        r = relay(&s);
        if (r > 0)
                flush(&s);
        else if (r != -ECONNRESET)
                log_error_errno(r, "The login ended: %m");
        return r > 0 || r == -ECONNRESET ? EXIT_SUCCESS : EXIT_FAILURE;
}
