# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The Python package iobmd, for the system's Python 3.11 or newer (limited API): a part of
# ../Makefile. What is in $(OUTPUT)/python runs from there (PYTHONPATH).

PYTHON		?= /usr/bin/python3
PYTHON_INCLUDE	:= $(shell $(PYTHON) -c \
		   'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null)
PYTHONDIR	?= $(if $(filter /usr,$(PREFIX)),$(PREFIX)/lib/python3,$(PREFIX)/lib/$(notdir \
		   $(PYTHON_INCLUDE)))/dist-packages

PYTHON_SOURCES	:= $(wildcard python/*.c)
PYTHON_OBJECTS	:= $(PYTHON_SOURCES:%.c=$(OUTPUT)/%.o)
PYTHON_FILES	:= $(addprefix python/iobmd/,__init__.py __init__.pyi py.typed)
PYTHON_PACKAGE	:= $(OUTPUT)/python/iobmd
PYTHON_COPIES	:= $(PYTHON_FILES:python/%=$(OUTPUT)/python/%)
PYTHON_MODULE	:= $(PYTHON_PACKAGE)/_iobmd.abi3.so
# The same module, to be installed
PYTHON_SHARED	:= $(OUTPUT)/python/_iobmd.abi3.so
PYTHON_CFLAGS	:= $(ALL_CFLAGS) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fPIC -fvisibility=hidden \
		   -isystem $(PYTHON_INCLUDE)

# Not a part of all: the headers of Python are needed for nothing else.
.PHONY: python
python: $(PYTHON_MODULE) $(PYTHON_SHARED) $(PYTHON_COPIES)

$(PYTHON_OBJECTS): $(OUTPUT)/python/%.o: python/%.c python/python.h $(HEADERS) Makefile python/python.mk
	@test -e "$(PYTHON_INCLUDE)/Python.h" || { \
		echo "no Python.h for $(PYTHON): install python3-dev" >&2; exit 1; }
	mkdir -p $(@D)
	$(CC) $(PYTHON_CFLAGS) -c -o $@ $<

$(PYTHON_MODULE): $(PYTHON_OBJECTS) $(STATIC)
	mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,--exclude-libs,ALL -o $@ $^

$(PYTHON_SHARED): $(PYTHON_OBJECTS) $(SHARED)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^

$(PYTHON_COPIES): $(OUTPUT)/python/%: python/%
	mkdir -p $(@D)
	cp $< $@

.PHONY: install-python clean-python
install-python: python
	$(INSTALL) -d $(DESTDIR)$(PYTHONDIR)/iobmd
	$(INSTALL) -m 644 $(PYTHON_SHARED) $(PYTHON_FILES) \
		$(DESTDIR)$(PYTHONDIR)/iobmd

clean-python:
	rm -f $(PYTHON_OBJECTS) $(PYTHON_SHARED) $(PYTHON_MODULE) $(PYTHON_COPIES)
