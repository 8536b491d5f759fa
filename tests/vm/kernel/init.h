/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the test program share; see init.c. */
#ifndef TESTS_VM_KERNEL_INIT_H
#define TESTS_VM_KERNEL_INIT_H

#define MIB             (1ULL << 20)
#define TWIN_CPUS       0xcULL
#define PORT            1000
#define ALIVE_MS        60000
#define TWIN_CONSOLE    "console=ttyS1,115200 twin_uart=0x2f8 printk.devkmsg=on "

extern int twin_fd, log_fd;

/* init.c: a line for the log, and the calls of /dev/twin */
void result(const char *name, int ok, const char *why);
void result_errno(const char *name, long r, int expected);
_Noreturn void finish(void);
int reserve(unsigned long long mem, unsigned long long pmem, unsigned long long cpus);
void start(const char *append);
int wait_event(unsigned type, int timeout_ms);
int log_has(const char *text);

/* A stream to PORT of the other kernel, or -1. */
int connect_twin(void);

/* board.c, as pci.c below */
int board_old(const char *what);
int board_twin(const char *role);

/* pci.c: both sides of its cases, by name; 0: no such case */
int pci_old(const char *what);
int pci_twin(const char *role);

#endif
