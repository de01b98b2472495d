# SPDX-License-Identifier: LGPL-2.1-or-later
#
# iobmd-memfd, which runs programs with buffers in place of memfds: a launcher and a
# library that it preloads. A part of ../../Makefile.

MEMFD_LIBRARY	:= $(OUTPUT)/tools/libiobmd-memfd.so
MEMFD_LAUNCHER	:= $(OUTPUT)/tools/iobmd-memfd
MEMFD_SOURCES	:= $(addprefix tools/memfd/,iobmd_memfd.c buffer.c size.c calls.c write.c say.c)

# Without _FILE_OFFSET_BITS=64, since it defines both ftruncate() and ftruncate64().
$(MEMFD_LIBRARY): $(MEMFD_SOURCES) tools/memfd/memfd.h $(HEADERS)
	mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -D_GNU_SOURCE -U_FILE_OFFSET_BITS -U_TIME_BITS -fPIC \
		-fvisibility=hidden $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,--no-undefined \
		-o $@ $(MEMFD_SOURCES)

$(MEMFD_LAUNCHER): tools/memfd/launcher.c
	mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -D_GNU_SOURCE -DVERSION='"$(VERSION)"' $(LDFLAGS) -o $@ $<

.PHONY: memfd install-memfd clean-memfd
memfd: $(MEMFD_LIBRARY) $(MEMFD_LAUNCHER)

install-memfd: memfd
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(PREFIX)/lib/iobmd
	$(INSTALL) -m 755 $(MEMFD_LAUNCHER) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 755 $(MEMFD_LIBRARY) $(DESTDIR)$(PREFIX)/lib/iobmd

clean-memfd:
	rm -f $(MEMFD_LIBRARY) $(MEMFD_LAUNCHER)
