/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What iobmd doctor looks at. */
#ifndef IOBMD_TOOL_DOCTOR_H
#define IOBMD_TOOL_DOCTOR_H

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE,	/* works, but could do better */
	VERDICT_FAIL,
};

/**
 * struct finding - what a check says
 * @what: What was looked at.
 * @verdict: Whether it is right.
 * @text: How it is.
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
