// SPDX-License-Identifier: GPL-2.0
/*
 * Which NUMA nodes the caller's memory may come from, and which of them comes first.
 *
 * In each function, @asked is the requested node, or NUMA_NO_NODE. A requested node
 * overrides the caller's memory policy, but not its cpuset.
 */

#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "internal.h"

#ifdef CONFIG_NUMA
/* The nodes that the caller's memory policy binds it to, or NULL. */
static const nodemask_t *iobmd_node_bound(void)
{
	struct mempolicy *policy = current->mempolicy;

	return policy && policy->mode == MPOL_BIND ? &policy->nodes : NULL;
}

static bool iobmd_node_policy_chooses(void)
{
	const struct mempolicy *policy = current->mempolicy;

	return policy && policy->mode != MPOL_BIND && policy->mode != MPOL_LOCAL;
}
#else
static const nodemask_t *iobmd_node_bound(void)
{
	return NULL;
}

static bool iobmd_node_policy_chooses(void)
{
	return false;
}
#endif

/* The node that the allocator tries first; NUMA_NO_NODE if a policy chooses it. */
int iobmd_node_first(int asked)
{
	if (asked != NUMA_NO_NODE)
		return asked;
	return iobmd_node_policy_chooses() ? NUMA_NO_NODE : numa_mem_id();
}

/* Whether the caller may have memory of @node. */
bool iobmd_node_is_allowed(int node, int asked)
{
	const nodemask_t *bound = asked == NUMA_NO_NODE ? iobmd_node_bound() : NULL;

	return node_isset(node, cpuset_current_mems_allowed) &&
	       (!bound || node_isset(node, *bound));
}

/*
 * Whether the caller may have memory of every node. If not, a kernel thread must not
 * allocate in its place, since neither the cpuset nor the policy would apply to it.
 */
bool iobmd_node_is_unbound(int asked)
{
	return nodes_subset(node_states[N_MEMORY], cpuset_current_mems_allowed) &&
	       (asked != NUMA_NO_NODE || !iobmd_node_bound());
}
