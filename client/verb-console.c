/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl console: log in to the twin. tkd hands over the connection, and all that is typed and shown passes here. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

#include "bus.h"
#include "console-io.h"
#include "fault.h"

#define END_OF_INPUT 4 /* Ctrl-D */
#define END_AGAIN_MSEC 1000

typedef struct Console {
        Context *context;
        int twin;
        int signals;
        bool is_terminal;
        bool is_raw;
        bool input_ended;
        struct termios saved;
        ConsoleEscape escape;
        ConsoleBuffer keys;   /* have been typed */
        ConsoleBuffer frames; /* go to the twin */
        ConsoleBuffer screen; /* goes to the terminal */
        bool ended;
        int exit_code;
} Console;

static void console_done(Console *k) {
        if (k->is_raw)
                tcsetattr(STDIN_FILENO, TCSADRAIN, &k->saved);
        safe_close(k->twin);
        safe_close(k->signals);
}

/* The terminal must be as it was before anything can be said on it. */
static void end(Console *k, int exit_code) {
        if (k->is_raw)
                tcsetattr(STDIN_FILENO, TCSADRAIN, &k->saved);
        k->is_raw = false;
        k->ended = true;
        k->exit_code = exit_code;
}

static void say(Console *k, const char *text) {
        if (k->is_terminal)
                fprintf(stderr, "%s\n", text);
}

static int open_connection(Context *c, int *ret) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        int r, fd;

        r = bus_prepare(c, &call, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_METHOD_OPEN_CONSOLE);
        if (r >= 0)
                r = bus_allow_password(c, call);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        r = bus_send(c, call, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return bus_bad_reply(c, r);
        *ret = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (*ret < 0 || fcntl(*ret, F_SETFL, O_NONBLOCK) < 0)
                return fault_print_bus(c, NULL, -errno);
        return EXIT_OK;
}

static void send_size(Console *k) {
        struct winsize w;
        ConsoleSize size;

        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0)
                return;
        size = (ConsoleSize) { .rows = w.ws_row, .columns = w.ws_col };
        if (console_room(&k->frames) >= CONSOLE_HEAD + sizeof(size))
                console_put(&k->frames, CONSOLE_SIZE, &size, sizeof(size));
}

static void send_greeting(Console *k) {
        const char *term = getenv("TERM");

        if (isempty(term) || strlen(term) > CONSOLE_FRAME_MAX)
                term = k->is_terminal ? "linux" : "dumb";
        send_size(k);
        console_put(&k->frames, CONSOLE_TERM, term, strlen(term));
}

static int make_raw(Console *k) {
        struct termios raw;

        if (!k->is_terminal)
                return 0;
        if (tcgetattr(STDIN_FILENO, &k->saved) < 0)
                return -errno;
        raw = k->saved;
        cfmakeraw(&raw);
        if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
                return -errno;
        k->is_raw = true;
        return 0;
}

static int watch_signals(Console *k) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGWINCH);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return k->signals < 0 ? -errno : 0;
}

static void on_signal(Console *k) {
        struct signalfd_siginfo si;

        if (read(k->signals, &si, sizeof(si)) != sizeof(si))
                return;
        if (si.ssi_signo == SIGWINCH)
                send_size(k);
        else
                end(k, EXIT_OK);
}

/* Until it is heard: login(1) throws away what was typed before it is ready. */
static void type_end(Console *k) {
        static const uint8_t end_of_input = END_OF_INPUT;

        if (console_room(&k->keys) > 0)
                console_append(&k->keys, &end_of_input, 1);
}

static void on_input(Console *k) {
        struct timespec now;
        size_t before = k->keys.size;
        int n;

        n = console_fill(&k->keys, STDIN_FILENO);
        if (n == -EAGAIN)
                return;
        if (n <= 0) {
                k->input_ended = true;
                type_end(k);
                return;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (k->is_terminal && console_escape(&k->escape, k->keys.data + before, (size_t) n,
                                             (uint64_t) now.tv_sec * USEC_PER_SEC +
                                             (uint64_t) now.tv_nsec / NSEC_PER_USEC)) {
                end(k, EXIT_OK);
                say(k, "\nDetached from the twin.");
        }
}

/* What was typed goes into frames as far as there is room. */
static void wrap_keys(Console *k) {
        while (k->keys.size > 0 && console_room(&k->frames) > CONSOLE_HEAD) {
                size_t n = MIN(k->keys.size, console_room(&k->frames) - CONSOLE_HEAD);

                n = MIN(n, (size_t) CONSOLE_FRAME_MAX);
                console_put(&k->frames, CONSOLE_DATA, k->keys.data, n);
                console_drop(&k->keys, n);
        }
}

static void on_twin(Console *k, short events) {
        int r = 0;

        if (events & POLLOUT)
                r = console_drain(&k->frames, k->twin);
        if (r >= 0 && (events & (POLLIN | POLLHUP | POLLERR))) {
                r = console_fill(&k->screen, k->twin);
                if (r == 0)
                        r = -ECONNRESET;
        }
        if (r >= 0 || r == -EAGAIN)
                return;
        while (k->screen.size > 0 && console_drain(&k->screen, STDOUT_FILENO) >= 0)
                ;
        end(k, EXIT_OK);
        say(k, "\nThe twin has closed the connection.");
}

static int on_twin_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Console *k = userdata;
        _cleanup_free_ char *state = NULL;
        char text[128];

        if (k->ended || sd_bus_get_property_string(k->context->bus, TKD_BUS_NAME, TKD_PATH, TKD_MANAGER_INTERFACE,
                                                   TKD_PROPERTY_TWIN_STATE, NULL, &state) < 0 ||
            streq(state, TKD_TWIN_ALIVE))
                return 0;
        end(k, EXIT_FAILED);
        snprintf(text, sizeof(text), "The twin is gone, its state is \"%s\"", state);
        fault_print(k->context, NULL, TKD_ERROR_TWIN_FAILED, text);
        return 0;
}

/* A connection to a twin that died would be silent for ever. */
static int watch_twin(Console *k) {
        return sd_bus_add_match(k->context->bus, NULL,
                                "type='signal',sender='" TKD_BUS_NAME "',interface='org.freedesktop.DBus.Properties',"
                                "member='PropertiesChanged',path='" TKD_PATH "'",
                                on_twin_changed, k);
}

static int dispatch(Console *k) {
        struct pollfd p[] = {
                { .fd = k->twin, .events = (short) ((console_room(&k->screen) > 0 ? POLLIN : 0) |
                                                    (k->frames.size > 0 ? POLLOUT : 0)) },
                { .fd = k->input_ended || console_room(&k->keys) == 0 ? -1 : STDIN_FILENO, .events = POLLIN },
                { .fd = k->screen.size > 0 ? STDOUT_FILENO : -1, .events = POLLOUT },
                { .fd = k->signals, .events = POLLIN },
                { .fd = sd_bus_get_fd(k->context->bus), .events = POLLIN },
        };
        int n;

        n = poll(p, ELEMENTSOF(p), k->input_ended ? END_AGAIN_MSEC : -1);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        if (n == 0)
                type_end(k);
        if (p[3].revents)
                on_signal(k);
        if (p[1].revents && !k->ended)
                on_input(k);
        if (p[2].revents && console_drain(&k->screen, STDOUT_FILENO) < 0)
                end(k, EXIT_FAILED);
        if (!k->ended)
                on_twin(k, p[0].revents);
        wrap_keys(k);
        return 0;
}

static int run(Console *k) {
        int r = 0;

        send_greeting(k);
        while (r >= 0 && !k->ended) {
                do
                        r = sd_bus_process(k->context->bus, NULL);
                while (r > 0);
                if (r >= 0 && !k->ended)
                        r = dispatch(k);
        }
        return r;
}

int verb_console(Context *c, int argc, char **argv) {
        _cleanup_(console_done) Console k = { .context = c, .twin = -EBADF, .signals = -EBADF };
        int r;

        if (c->json) {
                print_error("--json has no meaning for \"console\". See \"tkctl --help\".");
                return EXIT_USAGE;
        }
        if (c->transport == TRANSPORT_REMOTE || c->transport == TRANSPORT_MACHINE) {
                print_error("A console goes to the twin of this machine only: run tkctl there, as by \"ssh -t %s tkctl "
                            "console\".", c->target);
                return EXIT_USAGE;
        }
        r = open_connection(c, &k.twin);
        if (r != EXIT_OK)
                return r;
        k.is_terminal = isatty(STDIN_FILENO);
        say(&k, "Connected to the twin. Ctrl-] three times within a second detaches.");
        r = watch_signals(&k);
        if (r >= 0)
                r = watch_twin(&k);
        if (r >= 0)
                r = make_raw(&k);
        if (r >= 0)
                r = run(&k);
        if (r < 0) {
                end(&k, EXIT_FAILED);
                return fault_print_bus(c, NULL, r);
        }
        return k.exit_code;
}
