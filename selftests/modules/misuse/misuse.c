// SPDX-License-Identifier: GPL-2.0
/*
 * Does what a kernel with sanitizers must not let pass: the proof that they
 * work. `insmod misuse.ko what=NAME' does it once. Has nothing to do with iobmd.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#define BYTES	100

static char *what = "use_after_free";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "use_after_free, shift, lock_order, leak or data_race");

/* OPTIMIZER_HIDE_VAR(): the compiler is not to see it. */
static int misuse_use_after_free(void)
{
	u8 *memory = kzalloc(BYTES, GFP_KERNEL);
	u8 *freed = memory;

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(freed);
	kfree(memory);
	pr_info("a freed byte is %u\n", READ_ONCE(freed[BYTES / 2]));
	return 0;
}

static int misuse_shift(void)
{
	int distance = BYTES;

	OPTIMIZER_HIDE_VAR(distance);
	pr_info("1 shifted by too much is %d\n", 1 << distance);
	return 0;
}

static int misuse_lock_order(void)
{
	static DEFINE_MUTEX(first);
	static DEFINE_MUTEX(second);

	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

/* Several, as a stray word on some stack may still point to one. */
static int misuse_leak(void)
{
	for (int i = 0; i < 10; i++) {
		void *memory = kzalloc(BYTES, GFP_KERNEL);

		if (!memory)
			return -ENOMEM;
		OPTIMIZER_HIDE_VAR(memory);
	}
	return 0;
}

static int misuse_count(void *counter)
{
	unsigned long *count = counter;

	while (!kthread_should_stop()) {
		(*count)++;
		barrier();
		cond_resched();
	}
	return 0;
}

static int misuse_data_race(void)
{
	static unsigned long count;
	struct task_struct *task[2];

	for (size_t i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = kthread_run(misuse_count, &count, "misuse/%zu", i);
	msleep(5000);
	for (size_t i = 0; i < ARRAY_SIZE(task); i++) {
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
	}
	pr_info("counted to %lu\n", count);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} misuses[] = {
	{ "use_after_free", misuse_use_after_free },
	{ "shift", misuse_shift },
	{ "lock_order", misuse_lock_order },
	{ "leak", misuse_leak },
	{ "data_race", misuse_data_race },
};

static int __init misuse_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(misuses); i++) {
		if (!strcmp(what, misuses[i].name))
			return misuses[i].run();
	}
	return -EINVAL;
}

static void __exit misuse_exit(void)
{
}

module_init(misuse_init);
module_exit(misuse_exit);
MODULE_DESCRIPTION("Errors on purpose, which sanitizers must report");
MODULE_LICENSE("GPL");
