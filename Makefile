# SPDX-License-Identifier: GPL-2.0

$(if $(word 2,$(CURDIR)),$(error no space may be in the path of the tree: $(CURDIR)))

KERNELS  := 6.12 6.1 7.3
PREFIX   ?= /usr/local
BUILD    := $(CURDIR)/build
USERLIB   = $(MAKE) --no-print-directory -C userlib OUTPUT=$(BUILD)/userlib$(FOREIGN) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

# Several programs install, each in a directory of its own.
override DESTDIR := $(if $(DESTDIR),$(abspath $(DESTDIR)))
export KDIR DESTDIR PREFIX

ifeq ($(ARCH),arm64)
# Cross-compiled, beside what is for this machine
FOREIGN  := -arm64
CROSS    := $(shell scripts/setup arm64 >&2 && scripts/kernel 6.12-arm64)
export CC       := $(firstword $(wildcard $(CROSS)/usr/bin/aarch64-linux-gnu-gcc-[0-9]*))
export AR       := aarch64-linux-gnu-ar
export CPPFLAGS := -isystem $(CROSS)/root/usr/include
export LDFLAGS  := -L$(CROSS)/root/usr/lib/aarch64-linux-gnu
endif

ifeq ($(ARCH),i386)
# 32-bit programs for this machine's kernel
FOREIGN  := -i386
LIBS32   := $(shell scripts/setup test >&2 && scripts/kernel i386)
export CC       := gcc -m32
export LDFLAGS  := -L$(LIBS32)/usr/lib/i386-linux-gnu
endif

all: module lib ## the module and the library (the default)

module: ## the module for the running kernel, or KDIR=<headers>, or KERNEL=<name in scripts/kernel --list>|<build directory>
	@scripts/module build $(KERNEL)

modules: ## the module, the example drivers and the tests' modules (KERNEL= as above)
	@scripts/module all $(KERNEL)

lib: ## the library and its tools (ARCH=arm64 or i386: in build/userlib-arm64, -i386)
	@scripts/setup build
	@$(USERLIB) all

python: lib ## the package for Python, in build/userlib/python
	@scripts/setup build python
	@$(USERLIB) python

selftests: lib $(if $(FOREIGN),,python) ## the test programs (ARCH=arm64 or i386: in build/selftests-arm64, -i386)
	@scripts/setup build test
	@$(MAKE) --no-print-directory -C selftests OUTPUT=$(BUILD)/selftests$(FOREIGN) LIBIOBMD=$(BUILD)/userlib$(FOREIGN)/libiobmd.a KSFT_DIR=$$(scripts/kernel source)/tools/testing/selftests

sparse: ## sparse over the module (KERNEL= as above)
	@scripts/setup test
	@scripts/module sparse $(KERNEL)

static: ## only the static checks: checkpatch, coccinelle, cppcheck...
	@scripts/check --static

check: ## build everything, run all tests in virtual machines (KERNELS="6.12 6.1 7.3", TESTS="resize huge")
	@KERNELS="$(KERNELS)" scripts/check $(TESTS)

check-debug: ## the tests on a kernel with sanitizers, which is built first (KERNEL=debug-7.3, TESTS= as above)
	@KERNELS="$(KERNEL)" scripts/check --debug $(TESTS)

check-arm64: ## the tests on arm64, emulated, with pages of 4 and of 16 KiB (KERNEL=7.3-arm64, TESTS= as above)
	@KERNELS="$(KERNEL)" scripts/check --arm64 $(TESTS)

check-i386: ## the tests as 32-bit programs (KERNELS=, TESTS= as above)
	@KERNELS="$(KERNELS)" scripts/check --i386 $(TESTS)

check-packages: ## the packages, installed on fresh Debian systems and tried in virtual machines (RELEASES="12 13")
	@scripts/check-packages $(RELEASES)

check-users: ## programs that know nothing of buffers, on buffers: Python, fio, QEMU... (KERNELS="6.12 7.3", TESTS="fio")
	@KERNELS="$(if $(filter file,$(origin KERNELS)),,$(KERNELS))" scripts/check --users $(TESTS)

SANITIZE ?= address,undefined
SANITIZED := $(basename $(notdir $(shell find selftests -name 'library*.c')))

check-sanitize: ## the library's tests with sanitizers, on 6.12 (SANITIZE=address,undefined; KERNEL=)
	@scripts/setup build test vm
	@$(USERLIB) OUTPUT=$(BUILD)/sanitize/userlib SANITIZE=$(SANITIZE) WERROR=1 lib
	@CFLAGS="-O1 -g -fsanitize=$(SANITIZE) -fno-omit-frame-pointer" $(MAKE) --no-print-directory -C selftests OUTPUT=$(BUILD)/sanitize \
		LIBIOBMD=$(BUILD)/sanitize/userlib/libiobmd.a KSFT_DIR=$$(scripts/kernel source)/tools/testing/selftests $(SANITIZED)
	@OUTPUT=$(BUILD)/sanitize scripts/vm $(KERNEL:%=-k %) -m 2048 --numa 2 -- selftests/run $(SANITIZED)

mutants: ## do the tests notice a mistake? (N=20, 0: all; SEED=1; FILES="module/view.c"; MUTANTS="--continue")
	@scripts/mutants $(N:%=--number %) $(SEED:%=--seed %) $(MUTANTS) $(FILES)

bench: ## the benchmark of iobmd and others, in a virtual machine; plots in build/bench (BENCH="--icount", "--operation create")
	@scripts/bench $(KERNEL:%=--kernel %) $(BENCH)

bench-native: ## the same on this machine, with the module loaded
	@scripts/bench --native $(BENCH)

demo: ## shows the main purpose with a file (FILE=), in a virtual machine (KERNEL= as above)
	@scripts/demo $(KERNEL:%=--kernel %) -- "$$FILE"

man: ## the manual pages, in build/man
	@scripts/setup build
	@rm -rf $(BUILD)/man
	@scripts/man $(BUILD)/man

install: install-files ## install everything (PREFIX=, DESTDIR=), and the module for the running kernel (KDIR=, KERNEL= as above)
	@INSTALL_MOD_PATH=$(DESTDIR) scripts/module install $(KERNEL)
	@scripts/install settle

# The pages are not made in build/, which would be root's then.
install-files: lib ## the same without the module
	@$(USERLIB) install
	@pages=$$(mktemp -d) && scripts/man "$$pages" && (cd "$$pages" && find . -type f | \
		xargs -I {} install -D -m 644 {} "$(DESTDIR)$(PREFIX)/share/man/{}") && rm -r "$$pages"
	@scripts/install system

uninstall: ## remove what `make install' installs, given the same variables
	@scripts/install remove
	@INSTALL_MOD_PATH=$(DESTDIR) scripts/module uninstall $(KERNEL)
	@scripts/install settle

deb: ## Debian packages, in build/packages
	@scripts/deb

clean: ## remove what was built, except the cache of kernels
	rm -rf $(BUILD)

# Each target that has a word about it
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: all $(shell sed -n 's/^\([a-z0-9-]*\):.*##.*/\1/p' $(MAKEFILE_LIST))
