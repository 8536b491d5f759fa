// SPDX-License-Identifier: GPL-2.0
/*
 * UARTs of the board. A twin uses those of twin_uart= only, and polls them, for
 * their interrupts are the other kernel's. It gets all of them with the board.
 */
#include <linux/console.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/serial_8250.h>

#include "arch.h"

#define MAX_UARTS	4

static unsigned long own_uarts[MAX_UARTS] __initdata;

/* The driver's ports that it must not look for yet, and where they are. */
static struct hidden_uart {
	struct uart_port *port;
	unsigned long iobase;
} hidden_uarts[MAX_UARTS];

static int __init parse_twin_uart(char *arg)
{
	int ints[1 + ARRAY_SIZE(own_uarts)];
	int i;

	get_options(arg, ARRAY_SIZE(ints), ints);
	for (i = 0; i < ints[0]; i++)
		own_uarts[i] = ints[i + 1];
	return 0;
}
early_param("twin_uart", parse_twin_uart);

static bool __init is_own_uart(unsigned long iobase)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(own_uarts); i++)
		if (iobase && own_uarts[i] == iobase)
			return true;
	return false;
}

static void __init hide_uart(int port, struct uart_port *up)
{
	if (port >= MAX_UARTS || !up->iobase)
		return;
	hidden_uarts[port].port = up;
	hidden_uarts[port].iobase = up->iobase;
	up->iobase = 0;
}

/* The driver's table of ports at its start. Without irq a port is polled. */
static void __init init_uart(int port, struct uart_port *up, u32 *capabilities)
{
	if (is_own_uart(up->iobase))
		up->irq = 0;
	else
		hide_uart(port, up);
}

/* Ports that are found later; the console there shall not repeat the log. */
static void add_uart(int port, struct uart_port *up, u32 *capabilities)
{
	if (up->cons)
		up->cons->flags &= ~CON_PRINTBUFFER;
}

/** twin_arch_init_uarts - leave UARTs alone that are not ours */
void __init twin_arch_init_uarts(void)
{
	serial8250_set_isa_configurator(init_uart);
}

/* The driver's table is set up; what comes now was given to this kernel. */
static int __init end_init_uarts(void)
{
	if (twin_is_guest())
		serial8250_set_isa_configurator(add_uart);
	return 0;
}
late_initcall(end_init_uarts);

/**
 * twin_arch_take_uarts - let the UARTs of the board be found
 *
 * Those hidden have kept their place in the table, so that a port gets the
 * number that it has on any boot.
 */
void twin_arch_take_uarts(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hidden_uarts); i++)
		if (hidden_uarts[i].port)
			hidden_uarts[i].port->iobase = hidden_uarts[i].iobase;
}
