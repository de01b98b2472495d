// SPDX-License-Identifier: GPL-2.0
/* Ceilings at the edges of their types, and the accounts of users that come and go. */

#include "account.c"

#include <linux/completion.h>
#include <linux/kthread.h>

#include "instance.h"

#define ONE	((uid_t)4242)
#define OTHER	((uid_t)-2)

#define RACERS	4
#define ROUNDS	1000

/* The account of a user without privilege, in a thread that has all of them */
static struct iobmd_account *account_of(uid_t uid)
{
	struct cred *cred = prepare_creds();
	struct iobmd_account *account;
	const struct cred *old;

	if (!cred)
		return ERR_PTR(-ENOMEM);
	cred->uid = KUIDT_INIT(uid);
	cap_lower(cred->cap_effective, CAP_IPC_LOCK);
	old = override_creds(cred);
	account = iobmd_account_get_current();
	revert_creds(old);
	put_cred(cred);
	return account;
}

static void expect_no_account(struct kunit *test)
{
	iobmd_account_exit();
	KUNIT_EXPECT_TRUE(test, xa_empty(&iobmd_accounts));
}

/* The newest account is kept for its user. */
static void newest_account_is_used_again(struct kunit *test)
{
	struct iobmd_account *one = account_of(ONE), *other;
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
	for (i = 0; i < 3; i++) {
		iobmd_account_put(one, 1);
		KUNIT_EXPECT_PTR_EQ(test, one, account_of(ONE));
		KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&one->nr_refs));
	}
	iobmd_account_put(one, 1);
	other = account_of(OTHER);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_EXPECT_NULL(test, xa_load(&iobmd_accounts, ONE));
	iobmd_account_put(other, 1);
	expect_no_account(test);
}

static void ceiling_is_never_more_than_there_is(struct kunit *test)
{
	const unsigned long all = totalram_pages(), per_mib = SZ_1M / PAGE_SIZE;
	const unsigned long mib = all / per_mib;

	KUNIT_EXPECT_EQ(test, 5, iobmd_account_limit(0, 5));
	KUNIT_EXPECT_EQ(test, per_mib, iobmd_account_limit(1, 5));
	KUNIT_EXPECT_EQ(test, mib * per_mib, iobmd_account_limit(mib, 5));
	KUNIT_EXPECT_EQ(test, all, iobmd_account_limit(mib + 1, 5));
	KUNIT_EXPECT_EQ(test, all, iobmd_account_limit(ULONG_MAX / per_mib, 5));
	KUNIT_EXPECT_EQ(test, all, iobmd_account_limit(ULONG_MAX / per_mib + 1, 5));
	KUNIT_EXPECT_EQ(test, all, iobmd_account_limit(ULONG_MAX / per_mib + 2, 5));
	KUNIT_EXPECT_EQ(test, all, iobmd_account_limit(ULONG_MAX, 5));
}

/* What passes can be rounded up to pages and be a file's size. */
static void capacity_passes_up_to_the_ceiling(struct kunit *test)
{
	const struct {
		unsigned long mib;
		u64 largest;
	} ceilings[] = {
		{ 0, (u64)(totalram_pages() / 2) << PAGE_SHIFT },
		{ 1, SZ_1M },
		{ ULONG_MAX, (u64)totalram_pages() << PAGE_SHIFT },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(ceilings); i++) {
		u64 largest = ceilings[i].largest;

		max_buffer_mib = ceilings[i].mib;
		KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_account_check_capacity(0));
		KUNIT_EXPECT_EQ(test, 0, iobmd_account_check_capacity(1));
		KUNIT_EXPECT_EQ(test, 0, iobmd_account_check_capacity(largest));
		KUNIT_EXPECT_EQ(test, -EFBIG, iobmd_account_check_capacity(largest + 1));
		KUNIT_EXPECT_EQ(test, -EFBIG, iobmd_account_check_capacity(LLONG_MAX));
		KUNIT_EXPECT_EQ(test, -EFBIG, iobmd_account_check_capacity(1ULL << 63));
		KUNIT_EXPECT_EQ(test, -EFBIG, iobmd_account_check_capacity(-PAGE_SIZE));
		KUNIT_EXPECT_EQ(test, -EFBIG, iobmd_account_check_capacity(-PAGE_SIZE + 1));
		KUNIT_EXPECT_EQ(test, -EFBIG, iobmd_account_check_capacity(U64_MAX));
	}
}

static void charge_over_the_ceiling_changes_nothing(struct kunit *test)
{
	static const unsigned long too_many[] = { 7, 256, ULONG_MAX >> PAGE_SHIFT, LONG_MAX };
	struct iobmd_account *account = account_of(ONE);
	const unsigned long pages = SZ_1M / PAGE_SIZE;
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, account);
	max_user_mib = 1;
	KUNIT_EXPECT_EQ(test, -EDQUOT, iobmd_account_charge(account, pages + 1, false));
	KUNIT_EXPECT_EQ(test, 0, iobmd_account_charge(account, pages - 6, false));
	for (i = 0; i < ARRAY_SIZE(too_many); i++) {
		KUNIT_EXPECT_EQ(test, -EDQUOT, iobmd_account_charge(account, too_many[i], false));
		KUNIT_EXPECT_EQ(test, pages - 6, atomic_long_read(&account->nr_pages));
	}
	KUNIT_EXPECT_EQ(test, 0, iobmd_account_charge(account, 6, false));
	KUNIT_EXPECT_EQ(test, 0, iobmd_account_charge(account, 0, false));
	KUNIT_EXPECT_EQ(test, -EDQUOT, iobmd_account_charge(account, 1, false));
	iobmd_account_uncharge(account, pages);
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&account->nr_pages));
	iobmd_account_put(account, 1);
}

static void user_has_one_account_until_the_last_put(struct kunit *test)
{
	struct iobmd_account *one = account_of(ONE), *other = account_of(OTHER);
	struct iobmd_account *root = account_of(0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, root);
	KUNIT_EXPECT_PTR_NE(test, one, other);
	KUNIT_EXPECT_PTR_NE(test, one, root);
	KUNIT_EXPECT_PTR_EQ(test, one, account_of(ONE));
	KUNIT_EXPECT_EQ(test, ONE, one->uid);
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&one->nr_refs));
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&other->nr_refs));

	iobmd_account_put(one, 1);
	KUNIT_EXPECT_PTR_EQ(test, one, xa_load(&iobmd_accounts, ONE));
	iobmd_account_put(one, 1);
	KUNIT_EXPECT_NULL(test, xa_load(&iobmd_accounts, ONE));
	KUNIT_EXPECT_PTR_EQ(test, other, xa_load(&iobmd_accounts, OTHER));
	iobmd_account_put(other, 1);
	KUNIT_EXPECT_NULL(test, xa_load(&iobmd_accounts, OTHER));
	iobmd_account_put(root, 1);
	expect_no_account(test);
}

static void exempt_charge_has_no_ceiling_but_counts(struct kunit *test)
{
	struct iobmd_account *account = account_of(ONE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, account);
	max_user_mib = 1;
	KUNIT_EXPECT_TRUE(test, iobmd_account_is_exempt());
	KUNIT_EXPECT_EQ(test, 0, iobmd_account_charge(account, LONG_MAX, true));
	KUNIT_EXPECT_EQ(test, -EDQUOT, iobmd_account_charge(account, 1, false));
	iobmd_account_uncharge(account, LONG_MAX);
	KUNIT_EXPECT_EQ(test, 0, iobmd_account_charge(account, 1, false));
	iobmd_account_uncharge(account, 1);
	iobmd_account_put(account, 1);
	expect_no_account(test);
}

static int charge_object_of(uid_t uid, struct iobmd_account *account, size_t bytes)
{
	struct cred *cred = prepare_creds();
	const struct cred *old;
	int ret;

	if (!cred)
		return -ENOMEM;
	cred->uid = KUIDT_INIT(uid);
	cap_lower(cred->cap_effective, CAP_IPC_LOCK);
	old = override_creds(cred);
	ret = iobmd_account_charge_object(account, bytes);
	revert_creds(old);
	put_cred(cred);
	return ret;
}

static void objects_have_an_eighth_of_the_ceiling(struct kunit *test)
{
	static const struct {
		unsigned long mib;
		u64 most;
	} ceilings[] = { { 1, SZ_1M }, { 8, SZ_1M }, { 16, SZ_2M }, { 64, SZ_8M } };
	struct iobmd_account *account = account_of(ONE);
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, account);
	for (i = 0; i < ARRAY_SIZE(ceilings); i++) {
		u64 most = ceilings[i].most;

		max_user_mib = ceilings[i].mib;
		KUNIT_EXPECT_EQ(test, -EDQUOT, charge_object_of(ONE, account, most + 1));
		KUNIT_EXPECT_EQ(test, 0, charge_object_of(ONE, account, most - 1));
		KUNIT_EXPECT_EQ(test, -EDQUOT, charge_object_of(ONE, account, 2));
		KUNIT_EXPECT_EQ(test, 0, charge_object_of(ONE, account, 1));
		KUNIT_EXPECT_EQ(test, -EDQUOT, charge_object_of(ONE, account, 1));
		KUNIT_EXPECT_EQ(test, 0, iobmd_account_charge_object(account, 1));
		iobmd_account_uncharge_object(account, most + 1);
		KUNIT_EXPECT_EQ(test, 0, atomic64_read(&account->objects));
	}
	iobmd_account_put(account, 1);
}

/* So that no count of references in an int can wrap; for the exempt, too. */
static void objects_of_all_users_have_an_end(struct kunit *test)
{
	struct iobmd_account *account = account_of(0);
	u64 before = atomic64_read(&iobmd_objects);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, account);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			iobmd_account_charge_object(account, IOBMD_OBJECTS_MAX - before));
	KUNIT_EXPECT_EQ(test, -ENFILE,
			iobmd_account_charge_object(account, IOBMD_OBJECTS_MAX - before + 1));
	KUNIT_EXPECT_EQ(test, before, atomic64_read(&iobmd_objects));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&account->objects));
	iobmd_account_put(account, 1);
}

/**
 * struct racer - a thread that makes and frees buffers of one user
 * @wrong: How often something was not as it has to be.
 * @done: It has ended.
 */
struct racer {
	unsigned int wrong;
	struct completion done;
};

static int race(void *arg)
{
	struct racer *racer = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct iobmd_account *account = account_of(ONE);

		if (IS_ERR_OR_NULL(account)) {
			racer->wrong++;
			continue;
		}
		if (account->uid != ONE || iobmd_account_charge(account, 1, false))
			racer->wrong++;
		else
			iobmd_account_uncharge(account, 1);
		iobmd_account_put(account, 1);
		if (i % 64 == 0)
			schedule_timeout_uninterruptible(1);
	}
	kthread_complete_and_exit(&racer->done, 0);
}

static void account_is_made_and_freed_by_many_at_once(struct kunit *test)
{
	struct racer racers[RACERS] = {};
	struct task_struct *task;
	int i;

	max_user_mib = 1;
	for (i = 0; i < RACERS; i++) {
		init_completion(&racers[i].done);
		task = kthread_run(race, &racers[i], "iobmd-racer/%d", i);
		KUNIT_EXPECT_FALSE(test, IS_ERR(task));
		if (IS_ERR(task))
			complete(&racers[i].done);
	}
	for (i = 0; i < RACERS; i++) {
		wait_for_completion(&racers[i].done);
		KUNIT_EXPECT_EQ(test, 0, racers[i].wrong);
	}
	expect_no_account(test);
}

static void account_exit(struct kunit *test)
{
	max_buffer_mib = 0;
	max_user_mib = 0;
}

static struct kunit_case account_cases[] = {
	KUNIT_CASE(ceiling_is_never_more_than_there_is),
	KUNIT_CASE(capacity_passes_up_to_the_ceiling),
	KUNIT_CASE(charge_over_the_ceiling_changes_nothing),
	KUNIT_CASE(user_has_one_account_until_the_last_put),
	KUNIT_CASE(newest_account_is_used_again),
	KUNIT_CASE(exempt_charge_has_no_ceiling_but_counts),
	KUNIT_CASE(objects_have_an_eighth_of_the_ceiling),
	KUNIT_CASE(objects_of_all_users_have_an_end),
	KUNIT_CASE(account_is_made_and_freed_by_many_at_once),
	{}
};

static struct kunit_suite account_suite = {
	.name		= "iobmd_account",
	.exit		= account_exit,
	.test_cases	= account_cases,
};

kunit_test_suite(account_suite);
