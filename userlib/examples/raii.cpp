// SPDX-License-Identifier: 0BSD
/*
 * C++: a buffer as a movable object that owns it, throws on errors, and gives access to
 * its bytes.
 */
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <iobmd.h>

static void check(int result, const char *what)
{
	if (result < 0)
		throw std::system_error(-result, std::generic_category(), what);
}

class Buffer {
	struct Free {
		void operator()(iobmd_buffer *buffer) const { iobmd_buffer_free(buffer); }
	};
	std::unique_ptr<iobmd_buffer, Free> handle;

public:
	Buffer(int device, uint64_t capacity)
	{
		iobmd_buffer *buffer;
		check(iobmd_buffer_create(device, capacity, 0, 0, &buffer), "create");
		handle.reset(buffer);
	}

	Buffer(const Buffer &parent, uint32_t derive_flags)
	{
		iobmd_buffer *buffer;
		check(iobmd_buffer_derive(parent.handle.get(), derive_flags, 0, 0, &buffer), "derive");
		handle.reset(buffer);
	}

	char *at(uint64_t offset, uint64_t length)	/* valid as long as the object exists */
	{
		iobmd_address_segment range;
		check(iobmd_buffer_get_address_range(handle.get(), 0, &range), "map");
		if (void *address = iobmd_segment_at(&range, offset, length))
			return static_cast<char *>(address);
		throw std::out_of_range("beyond the length");
	}
};

int main()
try {
	int device = iobmd_device_open();
	check(device, iobmd_error_hint(device));
	Buffer buffer(device, 4096), reader(buffer, IOBMD_DERIVE_F_READ_ONLY);
	close(device);
	std::strcpy(buffer.at(100, 6), "hello");
	std::cout << reader.at(100, 6) << '\n';
} catch (const std::exception &failure) {
	std::cerr << failure.what() << '\n';
	return 1;
}
