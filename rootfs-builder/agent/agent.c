// SPDX-License-Identifier: GPL-2.0-only
/*
 * agent TTY: runs shell commands that arrive on a serial line and sends back
 * their output and exit status. The test harness drives a machine with it
 * where nothing but a UART exists; kernel messages may share the line, so every
 * frame is one line of text with a checksum, numbered, and sent again on demand.
 *
 * To the agent:
 *      #SEQ run TIMEOUT BASE64-COMMAND CRC     start a command (seconds)
 *      #SEQ from N CRC                         send frames from N on again, or
 *                                              the first when there is no N yet
 *      login                                   a root shell for a human
 * From the agent, N counting from 0 within a SEQ:
 *      #SEQ N ack = CRC                        the command was started
 *      #SEQ N out|err =BASE64 CRC              some of its output
 *      #SEQ N exit =BASE64 CRC                 its status, 124 after a time-out
 * CRC is the CRC-32 of the line up to the space before it, in hexadecimal.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 65536
#define CHUNK_SIZE 480
#define FRAMES_MAX 16384
#define STATUS_TIMEOUT 124

typedef struct Agent {
        const char *path;
        int tty;

        char line[LINE_SIZE];
        size_t line_len;
        bool line_overrun;

        unsigned long seq; /* of the command that runs or ran last */
        char *frames[FRAMES_MAX];
        size_t n_frames;

        pid_t pid; /* 0: nothing runs */
        int pidfd;
        int out[2]; /* read ends of stdout and stderr */
        int64_t deadline_ms;
        bool timed_out;
} Agent;

static const char base64_table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64_encode(const uint8_t *data, size_t len, char *ret) {
        for (size_t i = 0; i < len; i += 3) {
                uint32_t v = data[i] << 16 | (i + 1 < len ? data[i + 1] << 8 : 0) | (i + 2 < len ? data[i + 2] : 0);

                *ret++ = base64_table[v >> 18];
                *ret++ = base64_table[v >> 12 & 63];
                *ret++ = i + 1 < len ? base64_table[v >> 6 & 63] : '=';
                *ret++ = i + 2 < len ? base64_table[v & 63] : '=';
        }
        *ret = '\0';
}

/* Decodes in place, up to the first character that is not of the alphabet. */
static void base64_decode(char *text) {
        uint32_t v = 0;
        unsigned bits = 0;
        char *to = text;

        for (const char *p = text, *q; *p != '\0' && (q = strchr(base64_table, *p)); p++) {
                v = v << 6 | (uint32_t) (q - base64_table);
                bits += 6;
                if (bits >= 8) {
                        bits -= 8;
                        *to++ = (char) (v >> bits);
                }
        }
        *to = '\0';
}

static uint32_t crc32(const char *data, size_t len) {
        uint32_t crc = ~0U;

        for (size_t i = 0; i < len; i++) {
                crc ^= (uint8_t) data[i];
                for (int k = 0; k < 8; k++)
                        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
        }
        return ~crc;
}

static int64_t now_ms(void) {
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void tty_write(Agent *a, const char *data, size_t len) {
        while (len > 0) {
                ssize_t n = write(a->tty, data, len);

                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        exit(EXIT_FAILURE);
                if (n > 0) {
                        data += n;
                        len -= (size_t) n;
                } else {
                        struct pollfd p = { .fd = a->tty, .events = POLLOUT };

                        (void) poll(&p, 1, 1000);
                }
        }
}

static void frame_send(Agent *a, const char *kind, const void *data, size_t len) {
        char text[CHUNK_SIZE / 3 * 4 + 8], line[sizeof(text) + 80];
        int n;

        if (a->n_frames >= FRAMES_MAX - 1 && strcmp(kind, "exit") != 0)
                return; /* the rest of a very long output is dropped */

        base64_encode(data, len, text);
        n = snprintf(line, sizeof(line), "#%lu %zu %s =%s", a->seq, a->n_frames, kind, text);
        n += snprintf(line + n, sizeof(line) - (size_t) n, " %08x\n", crc32(line, (size_t) n));
        a->frames[a->n_frames] = strdup(line);
        if (!a->frames[a->n_frames])
                exit(EXIT_FAILURE);
        a->n_frames++;
        tty_write(a, line, (size_t) n);
}

/* From a number on; the first one, as a sign of life, when there is no such number yet. */
static void frames_repeat(Agent *a, size_t from) {
        size_t to = a->n_frames;

        if (from >= a->n_frames) {
                from = 0;
                to = 1;
        }
        for (size_t i = from; i < to && i < a->n_frames; i++)
                tty_write(a, a->frames[i], strlen(a->frames[i]));
}

static void frames_drop(Agent *a) {
        while (a->n_frames > 0)
                free(a->frames[--a->n_frames]);
}

static void child_exec(const char *command, int out, int err) {
        int null = open("/dev/null", O_RDONLY);

        setsid();
        dup2(null, STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execl("/bin/bash", "bash", "-c", command, NULL);
        _exit(127);
}

static void command_start(Agent *a, unsigned long seq, unsigned long timeout, const char *command) {
        int out[2], err[2];

        frames_drop(a);
        a->seq = seq;
        if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                exit(EXIT_FAILURE);

        a->pid = fork();
        if (a->pid < 0)
                exit(EXIT_FAILURE);
        if (a->pid == 0)
                child_exec(command, out[1], err[1]);

        close(out[1]);
        close(err[1]);
        a->pidfd = (int) syscall(SYS_pidfd_open, a->pid, 0);
        a->out[0] = out[0];
        a->out[1] = err[0];
        a->deadline_ms = now_ms() + (int64_t) timeout * 1000;
        a->timed_out = false;
        frame_send(a, "ack", "", 0);
}

/* Returns false at the end of the output. */
static bool output_forward(Agent *a, int i) {
        char data[CHUNK_SIZE];
        ssize_t n;

        if (a->out[i] < 0)
                return false;
        n = read(a->out[i], data, sizeof(data));
        if (n <= 0) {
                close(a->out[i]);
                a->out[i] = -1;
                return false;
        }
        frame_send(a, i == 0 ? "out" : "err", data, (size_t) n);
        return true;
}

static void command_end(Agent *a) {
        char text[16];
        int status = 0, n;

        if (waitpid(a->pid, &status, 0) < 0)
                exit(EXIT_FAILURE);

        /* What it left in the pipes; children of its own may hold them open. */
        for (int i = 0; i < 2; i++) {
                if (a->out[i] < 0)
                        continue;
                (void) fcntl(a->out[i], F_SETFL, O_NONBLOCK);
                while (output_forward(a, i))
                        ;
        }
        close(a->pidfd);
        a->pid = 0;
        n = snprintf(text, sizeof(text), "%d",
                     a->timed_out ? STATUS_TIMEOUT :
                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        frame_send(a, "exit", text, (size_t) n);
}

/* A human on the line: a login shell until it ends. */
static void run_login(Agent *a) {
        pid_t pid = fork();

        if (pid == 0) {
                setsid();
                execl("/sbin/agetty", "agetty", "--autologin", "root", "--noclear", "--keep-baud",
                      strrchr(a->path, '/') + 1, "linux", NULL);
                _exit(127);
        }
        (void) waitpid(pid, NULL, 0);
}

static int tty_open(const char *path) {
        struct termios t;
        int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0 || tcgetattr(fd, &t) < 0) {
                fprintf(stderr, "%s: %m\n", path);
                exit(EXIT_FAILURE);
        }
        cfmakeraw(&t);
        t.c_cflag |= CLOCAL | CREAD;
        cfsetspeed(&t, B115200);
        tcsetattr(fd, TCSANOW, &t);
        return fd;
}

static void handle_line(Agent *a, char *line) {
        unsigned long seq, arg;
        char *crc, *command;
        int pos = 0;

        if (strcmp(line, "login") == 0 && a->pid == 0) {
                close(a->tty);
                run_login(a);
                a->tty = tty_open(a->path);
                return;
        }

        line = strrchr(line, '#');
        crc = line ? strrchr(line, ' ') : NULL;
        if (!crc || strtoul(crc + 1, NULL, 16) != crc32(line, (size_t) (crc - line)))
                return;
        *crc = '\0';

        if (sscanf(line, "#%lu from %lu", &seq, &arg) == 2) {
                if (seq == a->seq)
                        frames_repeat(a, arg);
        } else if (sscanf(line, "#%lu run %lu %n", &seq, &arg, &pos) == 2 && pos > 0) {
                if (seq == a->seq && a->n_frames > 0) {
                        frames_repeat(a, a->n_frames);
                        return;
                }
                if (a->pid > 0)
                        return;
                command = line + pos;
                base64_decode(command);
                command_start(a, seq, arg, command);
        }
}

static void tty_input(Agent *a) {
        char data[4096];
        ssize_t n = read(a->tty, data, sizeof(data));

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                exit(EXIT_FAILURE);

        for (ssize_t i = 0; i < n; i++) {
                if (data[i] == '\n' || data[i] == '\r') {
                        a->line[a->line_len] = '\0';
                        if (!a->line_overrun)
                                handle_line(a, a->line);
                        a->line_len = 0;
                        a->line_overrun = false;
                } else if (a->line_len < LINE_SIZE - 1)
                        a->line[a->line_len++] = data[i];
                else
                        a->line_overrun = true;
        }
}

static void loop_once(Agent *a) {
        struct pollfd p[] = {
                { .fd = a->tty, .events = POLLIN },
                { .fd = a->pid > 0 ? a->out[0] : -1, .events = POLLIN },
                { .fd = a->pid > 0 ? a->out[1] : -1, .events = POLLIN },
                { .fd = a->pid > 0 ? a->pidfd : -1, .events = POLLIN },
        };

        (void) poll(p, 4, a->pid > 0 ? 500 : -1);
        if (p[0].revents)
                tty_input(a);
        for (int i = 0; i < 2; i++)
                if (p[i + 1].revents)
                        (void) output_forward(a, i);
        if (p[3].revents)
                command_end(a);
        if (a->pid > 0 && !a->timed_out && now_ms() > a->deadline_ms) {
                a->timed_out = true;
                (void) kill(-a->pid, SIGKILL);
        }
}

int main(int argc, char *argv[]) {
        static Agent a;

        if (argc != 2 || argv[1][0] != '/') {
                fprintf(stderr, "usage: agent /dev/TTY\n");
                return EXIT_FAILURE;
        }
        signal(SIGPIPE, SIG_IGN);
        a.path = argv[1];
        a.tty = tty_open(a.path);
        for (;;)
                loop_once(&a);
}
