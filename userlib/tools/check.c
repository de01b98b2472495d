// SPDX-License-Identifier: LGPL-2.1-or-later
/* The checks of iobmd doctor, one for each thing that a buffer needs or benefits from. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"
#include "tool.h"

/* The newest kernel that the tests have passed on, KERNEL_NEWEST, comes from the Makefile. */
#define KERNEL_OLDEST	"6.1"

static void find(struct finding *finding, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void find(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	finding->verdict = verdict;
}

static void advise(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void advise(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->advice, sizeof(finding->advice), format, arguments);
	va_end(arguments);
}

static bool module_is_loaded(void)
{
	return !access(IOBMD_SYSFS, F_OK);
}

/* Under Secure Boot most kernels are locked down. */
static bool kernel_is_locked_down(void)
{
	char line[64] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	return line[0] && !strstr(line, "[none]");
}

static void check_module(struct finding *finding)
{
	finding->what = "module";
	if (module_is_loaded()) {
		find(finding, VERDICT_OK, "loaded");
		return;
	}
	find(finding, VERDICT_FAIL, "not loaded");
	if (kernel_is_locked_down())
		advise(finding, "sudo modprobe iobmd; this kernel takes signed modules only: "
		       "if the key is refused, enroll it with mokutil --import");
	else
		advise(finding, "sudo modprobe iobmd; if it is not found, install it for this "
		       "kernel: package iobmd-dkms, or make install in its source");
}

/* MAJOR.MINOR and whatever follows, as one number; 0 if @release is something else. */
static unsigned int kernel_version(const char *release)
{
	unsigned int major, minor;

	return sscanf(release, "%u.%u", &major, &minor) == 2 ? major << 16 | minor : 0;
}

static void check_kernel(struct finding *finding)
{
	struct utsname names;
	unsigned int version;

	finding->what = "kernel";
	version = uname(&names) ? 0 : kernel_version(names.release);
	if (!version) {
		find(finding, VERDICT_NOTE, "its version is not known");
	} else if (version < kernel_version(KERNEL_OLDEST)) {
		find(finding, VERDICT_FAIL, "%.60s is too old", names.release);
		advise(finding, "install a kernel from " KERNEL_OLDEST " to " KERNEL_NEWEST);
	} else if (version > kernel_version(KERNEL_NEWEST)) {
		find(finding, VERDICT_NOTE, "%.60s is newer than those that were tested",
		     names.release);
		advise(finding, "look for a newer iobmd, or use a kernel up to " KERNEL_NEWEST);
	} else {
		find(finding, VERDICT_OK, "%.60s", names.release);
	}
}

static void advise_rights(struct finding *finding)
{
	const struct group *group;
	struct stat status;

	if (stat(IOBMD_DEVICE, &status))
		return;
	group = status.st_gid ? getgrgid(status.st_gid) : NULL;
	if (group && (status.st_mode & 0060) == 0060)
		advise(finding, "sudo usermod -aG %.60s $USER, and log in again", group->gr_name);
	else
		advise(finding, "it is for root only: add a udev rule that gives it to a group, "
		       "or load the module with device_mode=0666");
}

static void check_rights(struct finding *finding)
{
	int device = device_open();

	finding->what = "rights";
	if (device >= 0) {
		close(device);
		find(finding, VERDICT_OK, IOBMD_DEVICE " can be opened");
		return;
	}
	find(finding, VERDICT_FAIL, IOBMD_DEVICE ": %s", strerror(-device));
	if (device == -EACCES || device == -EPERM)
		advise_rights(finding);
	else if (module_is_loaded())
		advise(finding, "the module is loaded: in a container, pass the device in");
}

static int try_buffer(uint64_t capacity, uint32_t huge)
{
	struct iobmd_create args = { .capacity = capacity, .huge = huge };

	return buffer_create(&args);
}

static void check_memory(struct finding *finding)
{
	char one[SIZE_SHOWN], user[SIZE_SHOWN];
	int fd = try_buffer(1, IOBMD_HUGE_NONE);

	finding->what = "memory";
	if (fd >= 0) {
		close(fd);
		find(finding, VERDICT_OK, "a buffer up to %s, a user up to %s",
		     size_show(ceiling("max_buffer_mib", 2), one),
		     size_show(ceiling("max_user_mib", 4), user));
		return;
	}
	find(finding, VERDICT_FAIL, "no buffer can be made: %s", strerror(-fd));
	if (fd == -EDQUOT)
		advise(finding, "your buffers are at the ceiling: iobmd list shows them; "
		       IOBMD_SYSFS "/parameters/max_user_mib sets it");
	else if (fd == -ENOMEM)
		advise(finding, "the machine or the memory cgroup (memory.max) is short of it");
}

static void check_huge(struct finding *finding)
{
	struct iobmd_get_info info = { .huge_page_size = 0 };
	int fd = try_buffer(1, IOBMD_HUGE_NONE);
	int err = fd < 0 ? fd : buffer_get_info(fd, &info);

	finding->what = "huge pages";
	if (fd >= 0)
		close(fd);
	if (err) {
		find(finding, VERDICT_NOTE, "not tried");
		return;
	}
	if (!info.huge_page_size) {
		find(finding, VERDICT_NOTE, "this kernel has none");
		advise(finding, "use a kernel with CONFIG_TRANSPARENT_HUGEPAGE");
		return;
	}
	fd = try_buffer(info.huge_page_size, IOBMD_HUGE_REQUIRE);
	if (fd >= 0) {
		close(fd);
		find(finding, VERDICT_OK, "of %u KiB are to be had", info.huge_page_size >> 10);
		return;
	}
	find(finding, VERDICT_NOTE, "none is to be had now: %s", strerror(-fd));
	advise(finding, "memory is short or in pieces: "
	       "echo 1 | sudo tee /proc/sys/vm/compact_memory");
}

static void check_reserve(struct finding *finding)
{
	char text[2][SIZE_SHOWN];
	uint64_t mib, held;

	finding->what = "reserve";
	if (!file_number(IOBMD_SYSFS "/parameters/reserve_mib", &mib)) {
		find(finding, VERDICT_NOTE, "not known");
	} else if (!mib) {
		find(finding, VERDICT_NOTE, "off");
		advise(finding, "large buffers are made faster with one: "
		       "echo 256 | sudo tee " IOBMD_SYSFS "/parameters/reserve_mib");
	} else if (file_key(IOBMD_DEBUGFS "/reserve", "held", &held)) {
		find(finding, VERDICT_OK, "%s of %s", size_show(held, text[0]),
		     size_show(mib << 20, text[1]));
	} else {
		find(finding, VERDICT_OK, "%s", size_show(mib << 20, text[0]));
	}
}

static void check_iommu(struct finding *finding)
{
	DIR *units = opendir("/sys/class/iommu");
	const struct dirent *entry;
	int count = 0;

	while (units && (entry = readdir(units)))
		count += entry->d_name[0] != '.';
	if (units)
		closedir(units);
	finding->what = "IOMMU";
	if (count) {
		find(finding, VERDICT_OK, "%d", count);
		return;
	}
	find(finding, VERDICT_NOTE, "none: devices reach all memory, and there is no VFIO");
	advise(finding, "switch it on in the firmware; Intel's needs intel_iommu=on, "
	       "a kernel parameter");
}

void check_all(struct finding findings[NR_CHECKS])
{
	static void (*const checks[NR_CHECKS])(struct finding *finding) = {
		check_module, check_kernel, check_rights, check_memory, check_huge, check_reserve,
		check_iommu,
	};

	for (int i = 0; i < NR_CHECKS; i++)
		checks[i](&findings[i]);
}
