// SPDX-License-Identifier: LGPL-2.1-or-later
/* JSON on stdout: one value on a line. */
#include <stdio.h>

#include "tool.h"

const char *const seal_names[4] = { "seal", "shrink", "grow", "write" };

/* Whether the next value needs a comma before it. */
static bool follows;

/* Everything except printable ASCII is escaped, so the output is always ASCII. */
static void put_string(const char *string)
{
	putchar('"');
	for (; *string; string++) {
		unsigned char c = *string;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void put_key(const char *key)
{
	if (follows)
		puts(",");
	follows = true;
	if (key) {
		put_string(key);
		fputs(": ", stdout);
	}
}

void json_begin(const char *key, char bracket)
{
	put_key(key);
	printf("%c\n", bracket);
	follows = false;
}

void json_end(char bracket)
{
	printf("%s%c", follows ? "\n" : "", bracket);
	follows = true;
}

void json_number(const char *key, uint64_t number)
{
	put_key(key);
	printf("%llu", (unsigned long long)number);
}

void json_string(const char *key, const char *string)
{
	put_key(key);
	put_string(string);
}

void json_bool(const char *key, bool value)
{
	put_key(key);
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	put_key(key);
	fputs("null", stdout);
}

void json_seals(const char *key, uint32_t seals)
{
	json_begin(key, '[');
	for (size_t i = 0; i < ARRAY_SIZE(seal_names); i++)
		if (seals & 1u << i)
			json_string(NULL, seal_names[i]);
	json_end(']');
}
