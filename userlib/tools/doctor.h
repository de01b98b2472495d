/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of iobmd doctor. */
#ifndef IOBMD_TOOL_DOCTOR_H
#define IOBMD_TOOL_DOCTOR_H

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE,	/* works, but could do better */
	VERDICT_FAIL,
};

/**
 * struct finding - the result of a check
 * @what: What was checked.
 * @verdict: Whether it is all right.
 * @text: What was found.
 * @advice: What to do; empty if there is nothing to do.
 */
struct finding {
	const char *what;
	enum verdict verdict;
	char text[160];
	char advice[300];
};

#define NR_CHECKS	7

void check_all(struct finding findings[NR_CHECKS]);

#endif /* IOBMD_TOOL_DOCTOR_H */
