// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd send and receive: a buffer over a UNIX socket at a path. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const char send_help[] =
	"usage: iobmd send [OPTION]... SOCKET\n\n"
	"Creates a socket at the path SOCKET, waits for iobmd receive, sends the buffer, and\n"
	"removes the socket. Any process that may write to the socket, by its owner and mode,\n"
	"can get the buffer.\n\n"
	"  --from PID:FD      descriptor FD of the process PID (default: $IOBMD_FD)\n"
	"  --count N          send it to N receivers (default: 1)\n"
	VIEW_HELP
	"  --help             print this text\n";

static const char receive_help[] =
	"usage: iobmd receive [OPTION]... SOCKET -- COMMAND [ARGUMENT]...\n\n"
	"Receives a buffer from iobmd send at the path SOCKET and runs COMMAND, which inherits\n"
	"its descriptor. The environment variable IOBMD_FD has the number.\n\n"
	"  --wait SECONDS  how long to wait for the socket (default: 0)\n"
	"  --help          print this text\n";

/* Removed when the program ends, also by a signal. */
static struct sockaddr_un address = { .sun_family = AF_UNIX };

static void signalled(int number)
{
	unlink(address.sun_path);
	signal(number, SIG_DFL);
	raise(number);
}

static void socket_argument(int argc, char **argv)
{
	const char *path = optind < argc ? argv[optind++] : NULL;

	option_no_more(argc, argv);
	if (!path || !*path)
		usage_error("no path of a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		usage_error("the path of a socket has at most %zu bytes: %.60s",
			    sizeof(address.sun_path) - 1, path);
	/* Zero-initialized, with room for the NUL. */
	memcpy(address.sun_path, path, strlen(path));
}

static int socket_make(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail(errno, "no socket");
	return fd;
}

static void remove_and_fail(int err, const char *what)
{
	unlink(address.sun_path);
	fail(err, "%s", what);
}

/* Blocks signals until it is known whether there is a socket to remove. */
static int socket_listen(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	int fd = socket_make();
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		if (errno == EADDRINUSE)
			fail(0, "%s is there already", address.sun_path);
		fail(errno, "%s", address.sun_path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signal(signals[i], signalled) == SIG_IGN)
			signal(signals[i], SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	if (listen(fd, SOMAXCONN))
		remove_and_fail(errno, "listen");
	return fd;
}

/* Receivers that disconnect without the buffer are not counted. */
static void serve(int listener, int fd, uint64_t count)
{
	int connection, err;

	while (count) {
		connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (connection < 0)
			remove_and_fail(errno, "accept");
		err = -buffer_send(fd, connection);
		close(connection);
		if (!err)
			count--;
		else if (err != EPIPE && err != ECONNRESET)
			remove_and_fail(err, "the buffer cannot be sent");
	}
}

int tool_send(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'n' },
		VIEW_OPTIONS, OPTIONS_END
	};
	struct view view = { .flags = 0 };
	const char *from = NULL;
	struct target target;
	uint64_t count = 1;
	int option, fd, listener;

	while ((option = option_next(argc, argv, options, send_help)) != -1) {
		if (option == 'f')
			from = optarg;
		else if (option == 'n')
			count = option_number("--count", optarg, INT_MAX);
		else
			view_option(option, optarg, &view);
	}
	socket_argument(argc, argv);
	target_parse(from, &target);
	fd = buffer_pass_on(target_open(&target), &view);
	listener = socket_listen();
	serve(listener, fd, count);
	unlink(address.sun_path);
	return EXIT_SUCCESS;
}

/* The socket does not exist yet, or nothing listens on it yet. */
static bool connect_later(int err, time_t deadline)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	struct timespec time;

	if (err != ENOENT && err != ECONNREFUSED)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &time);
	if (time.tv_sec >= deadline)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

static int socket_connect(uint64_t seconds)
{
	struct timespec time;
	int fd = socket_make();

	clock_gettime(CLOCK_MONOTONIC, &time);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		if (!connect_later(errno, time.tv_sec + seconds))
			fail(errno, "%s", address.sun_path);
	return fd;
}

int tool_receive(int argc, char **argv)
{
	static const struct option options[] = {
		{ "wait", required_argument, NULL, 'w' },
		OPTIONS_END
	};
	char **command = command_split(&argc, argv);
	uint64_t seconds = 0;
	int socket, fd;

	while (option_next(argc, argv, options, receive_help) != -1)
		seconds = option_number("--wait", optarg, INT_MAX);
	socket_argument(argc, argv);
	if (!command)
		usage_error("no command: iobmd receive SOCKET -- COMMAND");
	socket = socket_connect(seconds);
	fd = buffer_receive(socket);
	if (fd < 0)
		fail(-fd, "no buffer came from %s", address.sun_path);
	close(socket);
	command_run(fd, command);
}
