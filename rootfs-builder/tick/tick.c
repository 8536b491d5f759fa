// SPDX-License-Identifier: GPL-2.0-only
/*
 * tick: an application that knows how long it was stopped. It takes the TSC in
 * a loop and keeps the longest gap between two of its ticks. The TSC is the one
 * clock that an upgrade of the kernel does not bend: CRIU restores processes
 * into a time namespace, so CLOCK_MONOTONIC hides the gap.
 *
 * SIGUSR1: write PID, ticks, longest gap (ns), its begin and its end (TSC) and
 * the frequency of the TSC (kHz) to /run/tick/report.
 * SIGUSR2: forget what was seen so far.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define DIRECTORY "/run/tick"
#define REPORT DIRECTORY "/report"
#define PERIOD_NS 500000
#define CALIBRATION_NS 200000000

typedef struct Ticks {
        uint64_t count;
        uint64_t longest, begin, end; /* TSC */
} Ticks;

static volatile sig_atomic_t report_wanted, reset_wanted;

static void on_signal(int sig) {
        if (sig == SIGUSR1)
                report_wanted = 1;
        else
                reset_wanted = 1;
}

/* A new file each time: none is open when the process is dumped. */
static int report(const Ticks *t, uint64_t tsc_khz) {
        FILE *f;

        if (mkdir(DIRECTORY, 0755) < 0 && errno != EEXIST)
                return -errno;
        f = fopen(REPORT ".new", "we");
        if (!f)
                return -errno;
        fprintf(f, "%d %" PRIu64 " %.0f %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                getpid(), t->count, (double) t->longest * 1e6 / (double) tsc_khz, t->begin, t->end, tsc_khz);
        if (fclose(f) != 0 || rename(REPORT ".new", REPORT) < 0)
                return -errno;
        return 0;
}

static uint64_t now_ns(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
        return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

static uint64_t measure_tsc_khz(void) {
        uint64_t t0 = now_ns(), tsc0 = __rdtsc(), t1;

        do
                t1 = now_ns();
        while (t1 - t0 < CALIBRATION_NS);
        return (__rdtsc() - tsc0) * 1000000 / (t1 - t0);
}

int main(void) {
        const struct timespec period = { .tv_nsec = PERIOD_NS };
        struct sigaction sa = { .sa_handler = on_signal };
        Ticks t = {};
        uint64_t tsc_khz = measure_tsc_khz();
        uint64_t last = __rdtsc(), now;

        sigaction(SIGUSR1, &sa, NULL);
        sigaction(SIGUSR2, &sa, NULL);
        printf("ticking\n");
        fflush(stdout);

        for (;; last = now) {
                (void) nanosleep(&period, NULL);
                now = __rdtsc();
                t.count++;
                if (now - last > t.longest) {
                        t.longest = now - last;
                        t.begin = last;
                        t.end = now;
                }
                if (reset_wanted) {
                        reset_wanted = 0;
                        t = (Ticks) {};
                }
                if (report_wanted) {
                        report_wanted = 0;
                        if (report(&t, tsc_khz) < 0)
                                fprintf(stderr, "%s: %m\n", REPORT);
                }
        }
}
