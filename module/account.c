// SPDX-License-Identifier: GPL-2.0
/*
 * Limits on the memory of a user and of a buffer.
 *
 * An account counts two things, each against its own ceiling: the memory of buffers, in
 * whole pages, for the user that creates them; and the kernel objects that represent
 * buffers (inodes, descriptors, parts of composites, exports), in bytes, for the user
 * that creates those. Counting them apart keeps the memory ceiling exact, however much
 * the objects take.
 */

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/page_counter.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/xarray.h>

#include "account.h"

#define IOBMD_PAGES_PER_MIB	(SZ_1M >> PAGE_SHIFT)

/* Pages that no buffer takes: 1/32 of RAM, left to the rest of the system. */
#define IOBMD_ROOM_FOR_OTHERS	(totalram_pages() / 32)

/* The ceiling of objects: an eighth of the memory ceiling, but at least this many bytes. */
#define IOBMD_OBJECTS_MIN	SZ_1M
#define IOBMD_OBJECTS_SHIFT	3

/*
 * Upper limit for the objects of all users together, in bytes. A descriptor or a part
 * of a composite takes one reference to an inode and one to a mount, both counted in an
 * int. The smallest object, a part, is larger than 64 bytes, so there are fewer than
 * 2^30 of them.
 */
#define IOBMD_OBJECTS_MAX	(64ULL * SZ_1G)

/* Available memory is checked each time the objects of a user grow by this many bytes. */
#define IOBMD_OBJECTS_STEP	SZ_64K

/*
 * A memory cgroup within this many pages of its limit is checked with a real
 * allocation: each CPU may have charged some dozens of pages in advance.
 */
#define IOBMD_CGROUP_FULL	512UL

/* What the core allocates for an object with GFP_KERNEL, in bytes, with some margin. */
#define IOBMD_CORE_BYTES	(sizeof(struct inode) + sizeof(struct dentry) + \
				 sizeof(struct file) + 256)

static unsigned long max_buffer_mib;
module_param(max_buffer_mib, ulong, 0644);
MODULE_PARM_DESC(max_buffer_mib, "Largest capacity of a buffer in MiB (0: half of the memory)");

static unsigned long max_user_mib;
module_param(max_user_mib, ulong, 0644);
MODULE_PARM_DESC(max_user_mib, "Most memory in buffers of one user in MiB (0: a quarter of the memory)");

static DEFINE_XARRAY(iobmd_accounts);

/*
 * The newest account, with a reference: creating and closing one buffer after another
 * does not allocate an account each time.
 */
static struct iobmd_account *iobmd_newest_account;
static atomic64_t iobmd_objects;

/* A limit in pages, at most all of RAM, so that the sum of two cannot wrap. */
static unsigned long iobmd_account_limit(unsigned long mib, unsigned long dflt)
{
	unsigned long all = totalram_pages();

	if (!mib)
		return dflt;
	return mib > all / IOBMD_PAGES_PER_MIB ? all : mib * IOBMD_PAGES_PER_MIB;
}

/* A capacity that passes this check can be rounded up to pages without wrapping. */
int iobmd_account_check_capacity(u64 capacity)
{
	unsigned long limit = iobmd_account_limit(READ_ONCE(max_buffer_mib),
						  totalram_pages() / 2);

	if (!capacity)
		return -EINVAL;
	return capacity > (u64)limit << PAGE_SHIFT ? -EFBIG : 0;
}

/*
 * The memory of a buffer cannot be reclaimed: if it took the last page, the next
 * allocation would invoke the OOM killer. So check first that there is enough for
 * everything that is still to be allocated.
 */
bool iobmd_account_has_room(unsigned long nr_pages)
{
	return si_mem_available() >= (long)(nr_pages + IOBMD_ROOM_FOR_OTHERS);
}

bool iobmd_account_is_exempt(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_IPC_LOCK);
}

/* The lock of iobmd_accounts is held. @account may be NULL. */
static struct iobmd_account *iobmd_account_ref(struct iobmd_account *account)
{
	if (account)
		atomic_long_inc(&account->nr_refs);
	return account;
}

static struct iobmd_account *iobmd_account_find(uid_t uid)
{
	struct iobmd_account *account;

	xa_lock(&iobmd_accounts);
	account = iobmd_account_ref(xa_load(&iobmd_accounts, uid));
	xa_unlock(&iobmd_accounts);
	return account;
}

/* Takes @nr more references; the caller already has one. */
void iobmd_account_get(struct iobmd_account *account, unsigned long nr)
{
	atomic_long_add(nr, &account->nr_refs);
}

void iobmd_account_put(struct iobmd_account *account, unsigned long nr)
{
	bool last;

	if (atomic_long_add_unless(&account->nr_refs, -nr, nr))
		return;
	xa_lock(&iobmd_accounts);
	last = atomic_long_sub_and_test(nr, &account->nr_refs);
	if (last)
		__xa_erase(&iobmd_accounts, account->uid);
	xa_unlock(&iobmd_accounts);
	if (last)
		kfree(account);
}

static struct iobmd_account *iobmd_account_alloc(uid_t uid)
{
	struct iobmd_account *account = kzalloc(sizeof(*account), IOBMD_GFP_OBJECT);

	if (!account)
		return NULL;
	account->uid = uid;
	atomic_long_set(&account->nr_refs, 1);
	mutex_init(&account->reap_lock);
	spin_lock_init(&account->lock);
	return account;
}

static void iobmd_account_set_newest(struct iobmd_account *account)
{
	if (account)
		iobmd_account_get(account, 1);
	account = xchg(&iobmd_newest_account, account);
	if (account)
		iobmd_account_put(account, 1);
}

/* A reference to the account of the caller, or an ERR_PTR: -ENOMEM. */
static struct iobmd_account *iobmd_account_get_current(void)
{
	uid_t uid = __kuid_val(current_uid());
	struct iobmd_account *account, *old;

	while (!(account = iobmd_account_find(uid))) {
		account = iobmd_account_alloc(uid);
		if (!account)
			return ERR_PTR(-ENOMEM);
		old = xa_cmpxchg(&iobmd_accounts, uid, NULL, account, IOBMD_GFP_OBJECT);
		if (!old) {
			iobmd_account_set_newest(account);
			break;
		}
		kfree(account);
		if (xa_is_err(old))
			return ERR_PTR(xa_err(old));
	}
	return account;
}

/* A reference to the account of user @uid, or of the next higher uid that has one, or NULL. */
struct iobmd_account *iobmd_account_get_next(uid_t uid)
{
	struct iobmd_account *account;
	unsigned long index = uid;

	xa_lock(&iobmd_accounts);
	account = iobmd_account_ref(xa_find(&iobmd_accounts, &index, UINT_MAX,
					    XA_PRESENT));
	xa_unlock(&iobmd_accounts);
	return account;
}

void iobmd_account_exit(void)
{
	iobmd_account_set_newest(NULL);
}

static unsigned long iobmd_account_max_pages(void)
{
	return iobmd_account_limit(READ_ONCE(max_user_mib), totalram_pages() / 4);
}

/* @exempt: The ceiling does not apply. */
int iobmd_account_charge(struct iobmd_account *account, unsigned long nr_pages,
			 bool exempt)
{
	unsigned long sum = atomic_long_add_return(nr_pages, &account->nr_pages);

	if (exempt || sum <= iobmd_account_max_pages())
		return 0;
	atomic_long_sub(nr_pages, &account->nr_pages);
	return -EDQUOT;
}

void iobmd_account_uncharge(struct iobmd_account *account, unsigned long nr_pages)
{
	atomic_long_sub(nr_pages, &account->nr_pages);
}

/* Whether the memory cgroup of the caller, or an ancestor of it, is nearly full. */
static bool iobmd_cgroup_is_nearly_full(void)
{
	bool full = false;
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg;

	rcu_read_lock();
	for (memcg = mem_cgroup_from_task(current); memcg && !full;
	     memcg = parent_mem_cgroup(memcg))
		full = page_counter_read(&memcg->memory) + IOBMD_CGROUP_FULL >
		       READ_ONCE(memcg->memory.max);
	rcu_read_unlock();
#endif
	return full;
}

/*
 * The core allocates inodes, dentries and files with GFP_KERNEL, which invokes the OOM
 * killer in a full memory cgroup. This probe fails instead; once it is freed, its
 * charge stays cached for this CPU.
 */
bool iobmd_cgroup_has_room(void)
{
	void *probe;

	if (!iobmd_cgroup_is_nearly_full())
		return true;
	probe = kmalloc(IOBMD_CORE_BYTES, IOBMD_GFP_OBJECT);
	if (!probe)
		return false;
	kfree(probe);
	return true;
}

/* Checks only each time that the objects of a user have grown by another step. */
static bool iobmd_machine_has_room(u64 sum, size_t bytes)
{
	if (sum / IOBMD_OBJECTS_STEP == (sum - bytes) / IOBMD_OBJECTS_STEP)
		return true;
	return iobmd_account_has_room(PFN_UP(bytes));
}

static u64 iobmd_account_max_objects(void)
{
	return max_t(u64, (u64)iobmd_account_max_pages() << PAGE_SHIFT >> IOBMD_OBJECTS_SHIFT,
		     IOBMD_OBJECTS_MIN);
}

/**
 * iobmd_account_charge_object - charge an object before it is allocated
 * @account: The account of the caller.
 * @bytes: How much the kernel allocates for it.
 *
 * Return: 0, or with nothing charged: -EDQUOT over the user's ceiling, -ENFILE over
 * that of all users together, -ENOMEM if the machine or the caller's memory cgroup is
 * short of memory.
 */
int iobmd_account_charge_object(struct iobmd_account *account, size_t bytes)
{
	u64 sum = atomic64_add_return(bytes, &account->objects);
	int err = 0;

	if (atomic64_add_return(bytes, &iobmd_objects) > IOBMD_OBJECTS_MAX)
		err = -ENFILE;
	else if (sum > iobmd_account_max_objects() && !iobmd_account_is_exempt())
		err = -EDQUOT;
	else if (!iobmd_machine_has_room(sum, bytes) || !iobmd_cgroup_has_room())
		err = -ENOMEM;
	if (err)
		iobmd_account_uncharge_object(account, bytes);
	return err;
}

void iobmd_account_uncharge_object(struct iobmd_account *account, size_t bytes)
{
	atomic64_sub(bytes, &iobmd_objects);
	atomic64_sub(bytes, &account->objects);
}

/*
 * The account of the caller, charged with an object of @bytes, for
 * iobmd_account_release_object(); or an ERR_PTR.
 */
struct iobmd_account *iobmd_account_get_object(size_t bytes)
{
	struct iobmd_account *account = iobmd_account_get_current();
	int err;

	if (IS_ERR(account))
		return account;
	err = iobmd_account_charge_object(account, bytes);
	if (err) {
		iobmd_account_put(account, 1);
		return ERR_PTR(err);
	}
	return account;
}

void iobmd_account_release_object(struct iobmd_account *account, size_t bytes)
{
	iobmd_account_uncharge_object(account, bytes);
	iobmd_account_put(account, 1);
}
