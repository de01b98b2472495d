// SPDX-License-Identifier: GPL-2.0
/*
 * A program that uses memfds and has not heard of buffers. It prints what each call
 * came to. memfd_preload.c runs it with memfds and with buffers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd_pass.h"
#include "show.h"

static long page;

/* 0 if it could be mapped, for that moment. */
static int try_map(int fd, int prot, int flags)
{
	void *map = mmap(NULL, page, prot, flags, fd, 0);

	return map == MAP_FAILED ? -1 : munmap(map, page);
}

/* How many bytes of [from, to) read(2) finds to be @value */
static long count_bytes(int fd, long from, long to, char value)
{
	static char data[65536];
	long count = 0, length = pread(fd, data, to - from, from);

	for (long i = 0; i < length; i++)
		count += data[i] == value;
	return count;
}

static int make(unsigned int flags)
{
	int fd = memfd_create("program", flags);

	if (fd < 0) {
		perror("memfd_create");
		exit(1);
	}
	return fd;
}

static void show_making(void)
{
	char name[251] = "";
	int fd = make(0);

	puts("making");
	show(size_of(fd));
	show(fcntl(fd, F_GETFD));
	show(fcntl(fd, F_GET_SEALS));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	show(fcntl(dup(fd), F_GET_SEALS));
	show(fcntl(make(MFD_CLOEXEC), F_GETFD));
	show(fcntl(make(MFD_ALLOW_SEALING), F_GET_SEALS));
	show(fcntl(syscall(SYS_memfd_create, "call", MFD_ALLOW_SEALING), F_GET_SEALS));
	show(memfd_create(NULL, 0));
	show(memfd_create("flags", 0x40000000));
	memset(name, 'x', 250);
	show(memfd_create(name, 0));
	name[249] = '\0';
	show(size_of(memfd_create(name, 0)));
	show(size_of(memfd_create("a\tname\177", 0)));
	show(size_of(memfd_create("", 0)));
}

static void show_sizes(void)
{
	int fd = make(MFD_ALLOW_SEALING);
	char *map;

	puts("sizes");
	show(ftruncate(fd, 0));
	show(ftruncate(fd, 3 * page));
	map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		exit(1);
	memset(map, 'm', 3 * page);
	show(count_bytes(fd, 0, 3 * page, 'm'));
	show(ftruncate64(fd, page + 7));
	show(size_of(fd));
	show(ftruncate(fd, 2 * page));
	show(count_bytes(fd, 0, 2 * page, 'm') - page);
	show(count_bytes(fd, page + 7, 2 * page, 0) - page);
	show(ftruncate(fd, 0));
	show(size_of(fd));
	show(count_bytes(fd, 0, page, 'm'));
	show(ftruncate(fd, 10));
	show(count_bytes(fd, 0, 10, 0));
	show(ftruncate(fd, -1));
	show(size_of(fd));
	munmap(map, 3 * page);
}

static void show_allocating(void)
{
	int fd = make(MFD_ALLOW_SEALING);

	puts("allocating");
	show(fallocate(fd, 0, 0, 100));
	show(posix_fallocate(fd, 100, 2 * page));
	show(size_of(fd) - 2 * page);
	show(pwrite(fd, "abcdef", 6, 0));
	show(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 2));
	show(count_bytes(fd, 0, 6, 0));
	show(fallocate(fd, 0, -1, 1));
	show(fallocate(fd, 0, 0, 0));
	show(posix_fallocate(fd, 0, -1));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	show(fallocate(fd, 0, 0, 4 * page));
	show(posix_fallocate(fd, 0, 4 * page));
	show(size_of(fd) - 2 * page);
}

static void show_writing(void)
{
	struct iovec iov[] = { { "0123456789", 10 }, { "", 0 }, { "abcdef", 6 } };
	int fd = make(MFD_ALLOW_SEALING);
	char data[5000];

	puts("writing");
	memset(data, 'w', sizeof(data));
	show(write(fd, data, sizeof(data)));
	show(write(fd, data, sizeof(data)));
	show(size_of(fd));
	show(lseek(fd, 0, SEEK_CUR));
	show(pwrite(fd, data, 100, 20000));
	show(size_of(fd));
	show(count_bytes(fd, 0, 20100, 'w'));
	show(count_bytes(fd, 10000, 20000, 0));
	show(lseek(fd, -5, SEEK_END));
	show(writev(fd, iov, 3));
	show(size_of(fd));
	show(count_bytes(fd, 20095, 20111, 'f'));
	show(lseek(fd, 0, SEEK_CUR));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	show(write(fd, data, 1));
	show(pwrite(fd, data, 1, 30000));
	show(pwrite(fd, data, 1, 0));
	show(size_of(fd));
}

/* Every other six bytes, from offset @first on. */
static void write_many(int fd, long first)
{
	for (long i = 0; i < 1000; i++) {
		if (pwrite(fd, "thread", 6, first + 12 * i) != 6) {
			perror("pwrite");
			exit(1);
		}
	}
}

static void *write_first(void *fd)
{
	write_many(*(int *)fd, 0);
	return NULL;
}

/* Two threads write beyond the end: no byte is lost. */
static void show_threads(void)
{
	int fd = make(0);
	pthread_t thread;

	puts("threads");
	show(pthread_create(&thread, NULL, write_first, &fd));
	write_many(fd, 6);
	show(pthread_join(thread, NULL));
	show(size_of(fd));
	show(count_bytes(fd, 0, 12000, 't'));
	show(count_bytes(fd, 0, 12000, 'd'));
}

static void show_mapping(void)
{
	int fd = make(MFD_ALLOW_SEALING);
	char *writer, *reader;

	puts("mapping");
	show(ftruncate(fd, page));
	writer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	reader = mmap64(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	if (writer == MAP_FAILED || reader == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	memcpy(writer, "shared", 7);
	printf("%s\n", reader);
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(writer, page);
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	show(fcntl(fd, F_GET_SEALS));
	show(try_map(fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	show(try_map(fd, PROT_READ, MAP_PRIVATE));
	show(write(fd, "x", 1));
	printf("%s\n", reader);
	munmap(reader, page);
}

static void show_seals(void)
{
	int fd = make(MFD_ALLOW_SEALING), empty = make(MFD_ALLOW_SEALING);

	puts("seals");
	show(fcntl(empty, F_ADD_SEALS, F_SEAL_GROW));
	show(ftruncate(empty, 1));
	show(ftruncate(empty, 0));
	show(size_of(empty));
	show(ftruncate(fd, 2 * page));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	show(ftruncate(fd, page));
	show(ftruncate(fd, 0));
	show(ftruncate(fd, 3 * page));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	show(ftruncate(fd, 4 * page));
	show(ftruncate(fd, 3 * page));
	show(fcntl(fd, F_ADD_SEALS, 0x4000));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	show(fcntl(fd, F_GET_SEALS));
}

/* Files that are not memfds are not affected. */
static void show_others(void)
{
	char path[] = "/tmp/memfd_programXXXXXX";
	int pipes[2], file = mkstemp(path), full = open("/dev/full", O_WRONLY);

	puts("others");
	unlink(path);
	show(pipe(pipes));
	show(ftruncate(pipes[1], 0));
	show(fcntl(pipes[1], F_GET_SEALS));
	show(write(file, "abc", 3));
	show(ftruncate(file, 0));
	show(size_of(file));
	show(try_map(file, PROT_READ, MAP_PRIVATE));
	show(try_map(-1, PROT_READ, MAP_PRIVATE));
	show(write(full, "abc", 3));
	show(write(-1, "abc", 3));
	show(fcntl(-1, F_GET_SEALS));
	show(ftruncate(-1, 0));
	close(file);
}

/* The other process has nothing but the descriptor. */
static int receive(int socket)
{
	int fd = fd_receive(socket);
	char *map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return 1;
	printf("received: %s\n", map);
	memcpy(map, "answered", 9);
	show(size_of(fd));
	show(fcntl(fd, F_GET_SEALS));
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	show(ftruncate(fd, 2 * page));
	fflush(stdout);
	return 0;
}

static void show_sharing(void)
{
	int sockets[2], status, fd = make(MFD_ALLOW_SEALING | MFD_CLOEXEC);
	char number[16], *map;

	puts("sharing");
	fflush(stdout);
	if (ftruncate(fd, page) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		exit(1);
	map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	show(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	memcpy(map, "sent", 5);
	fflush(stdout);
	snprintf(number, sizeof(number), "%d", sockets[1]);
	if (fork() == 0)
		_exit(execl("/proc/self/exe", "program", "receive", number, NULL));
	show(fd_send(sockets[0], fd));
	show(wait(&status) > 0 ? status : -1);
	printf("back: %s\n", map);
	show(fcntl(fd, F_GET_SEALS));
}

/* Not the same for memfds and buffers: what a descriptor is, and how it is told. */
static void print_file(int fd, const char *what)
{
	char path[64], text[512];
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, text, sizeof(text));
	printf("%s: %.*s\n", what, (int)(length < 0 ? 0 : length), text);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = open(path, O_RDONLY);
	length = read(file, text, sizeof(text));
	printf("%.*s", (int)(length < 0 ? 0 : length), text);
	close(file);
}

static int print_files(void)
{
	int fd = make(0), call = syscall(SYS_memfd_create, "call", 0);

	if (ftruncate(fd, 4 << 20) || call < 0)
		return 1;
	print_file(fd, "memfd");
	print_file(call, "call");
	return 0;
}

/* As of hugetlbfs: any size in such pages, and those only. */
static int print_hugetlb(long huge)
{
	int fd = make(MFD_HUGETLB | MFD_ALLOW_SEALING);

	show(size_of(fd));
	show(ftruncate(fd, 2 * huge));
	print_file(fd, "hugetlb");
	show(pwrite(fd, "abc", 3, 0));
	show(ftruncate(fd, 2));
	show(size_of(fd));
	show(ftruncate(fd, huge));
	show(count_bytes(fd, 0, 3, 0));
	show(ftruncate(fd, 0));
	show(size_of(fd));
	show(fallocate(fd, 0, 0, huge + 1));
	show(size_of(fd) - huge);
	return 0;
}

int main(int argc, char **argv)
{
	page = sysconf(_SC_PAGESIZE);
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return receive(atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "files"))
		return print_files();
	if (argc == 3 && !strcmp(argv[1], "hugetlb"))
		return print_hugetlb(atol(argv[2]));
	show_making();
	show_sizes();
	show_allocating();
	show_writing();
	show_threads();
	show_mapping();
	show_seals();
	show_others();
	show_sharing();
	puts("end");
	return 0;
}
