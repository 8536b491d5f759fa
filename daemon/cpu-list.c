/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of CPUs: see cpu-list.h.
 */
#include <ctype.h>

#include "conf-files.h"
#include "cpu-list.h"
#include "files.h"

bool cpu_set_has(const CpuSet *s, unsigned cpu) {
        return cpu < TWIN_MAX_CPUS && (s->words[cpu / 64] >> (cpu % 64)) & 1;
}

void cpu_set_add(CpuSet *s, unsigned cpu) {
        s->words[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

void cpu_set_remove(CpuSet *s, unsigned cpu) {
        s->words[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
}

unsigned cpu_set_count(const CpuSet *s) {
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(s->words); i++)
                n += (unsigned) __builtin_popcountll(s->words[i]);
        return n;
}

static int parse_number(const char **p, unsigned *ret) {
        unsigned n = 0;

        if (!isdigit((unsigned char) **p))
                return -EINVAL;
        for (; isdigit((unsigned char) **p); (*p)++) {
                n = n * 10 + (unsigned) (**p - '0');
                if (n >= TWIN_MAX_CPUS)
                        return -ERANGE;
        }
        *ret = n;
        return 0;
}

static int parse_range(const char **p, CpuSet *s) {
        unsigned first, last;
        int r;

        r = parse_number(p, &first);
        if (r < 0)
                return r;
        last = first;
        if (**p == '-') {
                (*p)++;
                r = parse_number(p, &last);
                if (r < 0)
                        return r;
        }
        if (last < first)
                return -EINVAL;
        for (unsigned cpu = first; cpu <= last; cpu++)
                cpu_set_add(s, cpu);
        return 0;
}

int cpu_set_parse(const char *text, CpuSet *ret) {
        CpuSet s = {};
        int r;

        for (const char *p = text;; p++) {
                r = parse_range(&p, &s);
                if (r < 0)
                        return r;
                if (*p == ',')
                        continue;
                if (p[strspn(p, " \n")] != 0)
                        return -EINVAL;
                *ret = s;
                return 0;
        }
}

char *cpu_set_to_string(const CpuSet *s) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        const char *comma = "";

        if (!f)
                return NULL;
        for (unsigned cpu = 0; cpu < TWIN_MAX_CPUS; cpu++) {
                unsigned first = cpu;

                if (!cpu_set_has(s, cpu))
                        continue;
                while (cpu_set_has(s, cpu + 1))
                        cpu++;
                if (first == cpu)
                        fprintf(f, "%s%u", comma, cpu);
                else
                        fprintf(f, "%s%u-%u", comma, first, cpu);
                comma = ",";
        }
        return fclose(f) == 0 ? text : NULL;
}

int cpu_set_online(CpuSet *ret) {
        _cleanup_free_ char *path = conf_path("/sys/devices/system/cpu/online"), *text = NULL;
        ssize_t n;

        if (!path)
                return -ENOMEM;
        n = read_text_file(path, &text);
        if (n < 0)
                return (int) n;
        return cpu_set_parse(text, ret);
}

void cpu_set_upper_half(const CpuSet *online, unsigned boot_cpu, CpuSet *ret) {
        unsigned left = cpu_set_count(online) / 2;
        CpuSet s = {};

        for (unsigned cpu = TWIN_MAX_CPUS - 1; cpu > 0 && left > 0; cpu--)
                if (cpu != boot_cpu && cpu_set_has(online, cpu)) {
                        cpu_set_add(&s, cpu);
                        left--;
                }
        if (left > 0 && boot_cpu > 0 && cpu_set_has(online, boot_cpu))
                cpu_set_add(&s, boot_cpu);
        *ret = s;
}
