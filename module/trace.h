/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: the life of a buffer. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iobmd

#if !defined(IOBMD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IOBMD_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(iobmd_create,
	TP_PROTO(u64 id, u64 capacity, u64 huge_bytes),
	TP_ARGS(id, capacity, huge_bytes),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, capacity)
		__field(u64, huge_bytes)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->capacity = capacity;
		__entry->huge_bytes = huge_bytes;
	),
	TP_printk("id=%llu capacity=%llu huge_bytes=%llu", __entry->id,
		  __entry->capacity, __entry->huge_bytes)
);

TRACE_EVENT(iobmd_resize,
	TP_PROTO(u64 id, u64 old_capacity, u64 capacity),
	TP_ARGS(id, old_capacity, capacity),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, old_capacity)
		__field(u64, capacity)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->old_capacity = old_capacity;
		__entry->capacity = capacity;
	),
	TP_printk("id=%llu old_capacity=%llu capacity=%llu", __entry->id,
		  __entry->old_capacity, __entry->capacity)
);

TRACE_EVENT(iobmd_free,
	TP_PROTO(u64 id, u64 capacity),
	TP_ARGS(id, capacity),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, capacity)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->capacity = capacity;
	),
	TP_printk("id=%llu capacity=%llu", __entry->id, __entry->capacity)
);

#endif /* IOBMD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
