/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command line: see command-line.h.
 */
#include "command-line.h"
#include "conf-files.h"
#include "files.h"

/* Lives as long as the kernel: the next cold boot has a command line of its own. */
#define KEPT_FILE               "/run/tkd/command-line"
#define SPACE                   " \t\n"

/*
 * What a twin must not have: the boot loader's notes, what a first program of its own would
 * replace, memory by the layout or size of the whole machine, and consoles that write to the
 * board before it is the twin's. Each is the begin of a word.
 */
static const char *const cold_boot_only[] = {
        "BOOT_IMAGE=", "initrd=", "rdinit=",
        "mem=", "memmap=", "movablecore=", "kernelcore=", "twin=",
        "hugepages=", "hugepagesz=", "default_hugepagesz=",
        "earlyprintk", "earlycon", "console=uart",
};

static bool cold_boot_word(const char *word) {
        for (size_t i = 0; i < ELEMENTSOF(cold_boot_only); i++)
                if (startswith(word, cold_boot_only[i]))
                        return true;
        return false;
}

static int read_line(const char *path, char **ret) {
        _cleanup_free_ char *rooted = conf_path(path), *text = NULL;
        ssize_t n;

        if (!rooted)
                return -ENOMEM;
        n = read_text_file(rooted, &text);
        if (n < 0)
                return (int) n;
        text[strcspn(text, "\n")] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

int command_line_of_machine(char **ret) {
        int r;

        r = read_line(KEPT_FILE, ret);
        return r == -ENOENT ? read_line("/proc/cmdline", ret) : r;
}

int command_line_keep(const char *text) {
        return write_text_file(KEPT_FILE, text);
}

/* Appends the words of a text, but for those that only suit a cold boot when @from_machine. */
static int add_words(FILE *f, const char *text, bool from_machine) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = NULL;

        if (!copy)
                return -ENOMEM;
        for (char *word = strtok_r(copy, SPACE, &rest); word; word = strtok_r(NULL, SPACE, &rest))
                if (!from_machine || !cold_boot_word(word))
                        fprintf(f, "%s%s", ftell(f) > 0 ? " " : "", word);
        return 0;
}

int command_line_compose(const char *machine, const char *added, const char *machine_id, char **ret) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -ENOMEM;
        r = add_words(f, machine, true);
        if (r >= 0)
                r = add_words(f, added, false);
        if (r >= 0 && !isempty(machine_id))
                fprintf(f, "%ssystemd.machine_id=%.32s", ftell(f) > 0 ? " " : "", machine_id);
        if (fclose(f) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0) {
                free(text);
                return r;
        }
        *ret = text;
        return 0;
}
