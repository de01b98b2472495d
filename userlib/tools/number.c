// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing and formatting of numbers and sizes, independent of the locale. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const char units[] = "KMGT";

/* Check for a digit first, since strtoull(3) accepts blanks and signs. */
static bool digits_parse(const char *text, char **end, uint64_t *number)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, end, 10);
	return !errno;
}

bool number_parse(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	return digits_parse(text, &end, number) && !*end && *number <= max;
}

uint64_t option_number(const char *option, const char *text, uint64_t max)
{
	uint64_t number;

	if (!number_parse(text, max, &number))
		usage_error("%s: not a number from 0 to %llu: \"%.60s\"", option,
			    (unsigned long long)max, text);
	return number;
}

/* The shift for a unit that is all of @text, or -1. */
static int unit_shift(const char *text)
{
	const char *unit;

	if (!*text)
		return 0;
	unit = strchr(units, *text);
	return unit && !text[1] ? (int)(unit - units + 1) * 10 : -1;
}

uint64_t option_size(const char *option, const char *text)
{
	uint64_t size;
	char *end;
	int shift;

	if (!digits_parse(text, &end, &size))
		goto err_size;
	shift = unit_shift(end);
	if (shift < 0 || size > UINT64_MAX >> shift)
		goto err_size;
	return size << shift;

err_size:
	usage_error("%s: not a size: \"%.60s\"; bytes, or with K, M, G or T (powers of 1024): 64M",
		    option, text);
}

/* Uses the largest unit that leaves at least 1, with one decimal place, truncated. */
const char *size_show(uint64_t size, char shown[SIZE_SHOWN])
{
	int unit = 0;
	uint64_t tenths;

	while (unit < (int)sizeof(units) - 1 && size >> (10 * (unit + 1)))
		unit++;
	if (!unit) {
		snprintf(shown, SIZE_SHOWN, "%llu", (unsigned long long)size);
		return shown;
	}
	tenths = ((size >> (10 * (unit - 1))) & 1023) * 10 / 1024;
	if (tenths)
		snprintf(shown, SIZE_SHOWN, "%llu.%u%c", (unsigned long long)(size >> (10 * unit)),
			 (unsigned int)tenths, units[unit - 1]);
	else
		snprintf(shown, SIZE_SHOWN, "%llu%c", (unsigned long long)(size >> (10 * unit)),
			 units[unit - 1]);
	return shown;
}
