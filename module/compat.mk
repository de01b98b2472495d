# SPDX-License-Identifier: GPL-2.0
# Input of compat.h: defines IOBMD_HAS_NAME if a line of the given kernel header matches.

compat-has = $(shell grep -qs '$(3)' $(srctree)/include/linux/$(2) && echo -DIOBMD_HAS_$(1))

compat-flags := \
	$(call compat-has,FOLIO_BATCH_H,folio_batch.h,^struct folio_batch) \
	$(call compat-has,MNT_IDMAP,fs.h,int ..setattr. .struct mnt_idmap) \
	$(call compat-has,VM_FLAGS_SET,mm.h,void vm_flags_set\>) \
	$(call compat-has,MM_ACCOUNT_RECLAIMED_PAGES,swap.h,void mm_account_reclaimed_pages\>) \
	$(call compat-has,FILLATTR_REQUEST_MASK,fs.h,void generic_fillattr\>.* u32) \
	$(call compat-has,EVENTFD_SIGNAL_WITHOUT_COUNT,eventfd.h,void eventfd_signal\>) \
	$(call compat-has,CONST_F_PATH,fs.h,\<__f_path\>) \
	$(call compat-has,SIMPLE_NOSETLEASE,fs.h,int simple_nosetlease\>) \
	$(call compat-has,INODE_JUST_DROP,fs.h,int inode_just_drop\>) \
	$(call compat-has,VMF_INSERT_PAGE_MKWRITE,mm.h,vm_fault_t vmf_insert_page_mkwrite\>) \
	$(call compat-has,SHRINKER_ALLOC,shrinker.h,\<shrinker_alloc\>) \
	$(call compat-has,ERROR_REMOVE_FOLIO,fs.h,\<error_remove_folio\>)

# A module that compiles without warnings on a newer kernel can still misbehave there: on 7.2
# one showed processes the pages of other buffers. README.md here lists what to check.
newest-tested := 7.3
newest := $(shell printf '%s\n' $(newest-tested) $(VERSION).$(PATCHLEVEL) | sort -V | tail -n 1)
ifeq ($(IOBMD_UNTESTED_KERNEL)$(filter $(newest-tested),$(newest)),)
$(error iobmd has not been tested on a kernel as new as $(newest): IOBMD_UNTESTED_KERNEL=1 builds it all the same)
endif
